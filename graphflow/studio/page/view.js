import { copy, partsOf } from "./dom.js";

const NEAREST = 4;
const FITTED_MOST = 1.3;
const FITTED_LEAST = 0.9; // at which the small print is 9 px high
const MOVES = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

export class View {
	constructor(svg, label) {
		const { x, y, width, height } = svg.viewBox.baseVal;
		this.whole = { x: x + width / 2, y: y + height / 2, width, height };
		for (const name of ["width", "height"]) svg.removeAttribute(name);
		const node = copy("picture");
		const { canvas, nearer, farther, whole } = partsOf(node);
		Object.assign(this, { svg, node, canvas });
		canvas.append(svg);
		canvas.ariaLabel = label;
		nearer.onclick = () => this.zoom(1.25);
		farther.onclick = () => this.zoom(0.8);
		whole.onclick = () => this.fit();
		canvas.addEventListener("wheel", (event) => {
			event.preventDefault();
			this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.place(event));
		}, { passive: false });
		canvas.addEventListener("keydown", (event) => {
			if (event.key in MOVES && event.target === canvas) this.pan(MOVES[event.key], event.preventDefault());
		});
		canvas.onpointerdown = (event) => {
			this.isDragged = false;
			this.start = event.button ? null : this.place(event);
		};
		canvas.onpointermove = (event) => this.start && this.drag(event);
		canvas.onpointerup = canvas.onpointercancel = () => (this.start = null);
		this.fit();
		new ResizeObserver(() => (this.isFitted ? this.fit() : this.move())).observe(canvas);
	}

	get room() {
		return [this.canvas.clientWidth || 1, this.canvas.clientHeight || 1];
	}

	get fitting() {
		const [width, height] = this.room;
		return Math.min(width / this.whole.width, height / this.whole.height, FITTED_MOST);
	}

	fit() {
		const { x, y, width, height } = this.whole;
		const scale = Math.max(this.fitting, FITTED_LEAST);
		const [right, under] = [[width, 0], [height, 1]].map(([size, axis]) => Math.min(0, this.room[axis] / scale - size) / 2);
		this.move({ x: x + right, y: y + under, scale });
		this.isFitted = true;
	}

	/** Bring nearer, so that what is so far from the middle stays there. */
	zoom(factor, [dx, dy] = [0, 0]) {
		const { at } = this;
		const scale = Math.min(NEAREST, Math.max(this.fitting / 2, at.scale * factor));
		const shift = 1 / at.scale - 1 / scale;
		this.move({ x: at.x + dx * shift, y: at.y + dy * shift, scale });
	}

	pan([dx, dy]) {
		this.move({ x: this.at.x - dx / this.at.scale, y: this.at.y - dy / this.at.scale });
	}

	move(to) {
		this.isFitted = false;
		const { x, y, scale } = this.at = { ...this.at, ...to };
		const [width, height] = this.room.map((size) => size / scale);
		this.svg.setAttribute("viewBox", `${x - width / 2} ${y - height / 2} ${width} ${height}`);
	}

	/** Bring a part of the picture that is not seen into the middle. */
	reveal(part) {
		const { x, y, width, height } = part.getBoundingClientRect();
		const far = this.place({ clientX: x + width / 2, clientY: y + height / 2 });
		if (this.canvas.clientWidth && far.some((one, axis) => Math.abs(one) > this.room[axis] / 2)) this.pan(far.map((one) => -one));
	}

	place({ clientX, clientY }) {
		const { x, y, width, height } = this.canvas.getBoundingClientRect();
		return [clientX - x - width / 2, clientY - y - height / 2];
	}

	drag(event) {
		const now = this.place(event);
		const by = now.map((at, axis) => at - this.start[axis]);
		if (!this.isDragged && Math.hypot(...by) < 4) return;
		this.isDragged = true;
		this.canvas.setPointerCapture(event.pointerId);
		this.start = now;
		this.pan(by);
	}
}

export const picture = (text) => document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);

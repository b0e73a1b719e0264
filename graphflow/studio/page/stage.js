import { neighbour, s, words } from "./dom.js";
import { slug } from "./figures.js";
import { View, picture } from "./view.js";

const CELL = 12;
const CHARACTER = 5.2;

export class Stage extends View {
	constructor(text, onPick) {
		super(picture(text), words("stage"));
		const { canvas, svg } = this;
		this.cards = [...svg.querySelectorAll("g.card")];
		this.arrows = [...svg.querySelectorAll("g.arrow")];
		for (const arrow of this.arrows) arrow.prepend(s("path.near", { d: arrow.querySelector("path").getAttribute("d") }));
		canvas.onclick = ({ target }) => {
			const group = target.closest("g.card, g.arrow");
			if (group && !this.isDragged) onPick(idOf(group));
		};
		canvas.onkeydown = (event) => {
			const card = event.target.closest("g.card");
			const next = card && (["Enter", " "].includes(event.key) ? card : neighbour(event.key, card, this.cards));
			if (!next) return;
			event.preventDefault();
			next.focus({ preventScroll: true });
			onPick(idOf(next));
		};
	}

	mark({ nodes, edges }) {
		for (const card of this.cards) markCard(card, nodes[idOf(card)] ?? { status: "not run", line: "○ not run" });
		for (const arrow of this.arrows) markArrow(arrow, edges[arrow.id]);
	}

	choose(...ids) {
		const first = this.cards.find((card) => ids.includes(idOf(card)));
		for (const group of [...this.cards, ...this.arrows]) group.classList.toggle("chosen", ids.includes(idOf(group)));
		for (const card of this.cards) card.setAttribute("tabindex", card === (first ?? this.cards[0]) ? 0 : -1);
		if (first) this.reveal(first);
	}
}

/** An end may be drawn more than once; its copies say of what. */
const idOf = (group) => group.dataset.of ?? group.id;

function markCard(card, mark) {
	card.setAttribute("class", `${card.getAttribute("class").replace(/ (status-|chosen).*/, "")} status-${mark.status.replace(" ", "-")}`);
	card.ariaLabel = [card.querySelector("title")?.textContent.split("\n")[0], mark.status, mark.figures, mark.note].filter(Boolean).join(", ");
	for (const part of card.querySelectorAll("[data-part]")) {
		const { before, x, y, width, height } = part.dataset;
		const box = { x: +x, y: +y, width: +width, height: +height, rx: 2 };
		part.replaceChildren(...{
			line: () => [mark.line],
			glyph: () => [mark.line[0]],
			figures: () => [mark.figures ?? before],
			cells: () => cells(box, mark),
			bar: () => (mark.share == null ? [] : [s("rect.track", box), s("rect.fill", { ...box, width: width * mark.share })]),
		}[part.dataset.part]());
	}
}

/** A cell for each branch; of many, the branches of one status side by side, as wide as they are many. */
function cells({ x, width, ...box }, { cells: each, counts }) {
	const some = Object.entries(counts ?? {});
	const all = some.reduce((sum, [, count]) => sum + count, 0);
	const shown = each?.map((status) => [status, 1, Math.min(CELL, width / each.length - 1)])
		?? some.map(([status, count]) => [status, count, 3 + ((width - 4 * some.length) * count) / all]);
	let next = x - 1;
	return shown.map(([status, , size]) => {
		const from = next + 1;
		next = from + size;
		return s(`rect.${slug(status)}`, { ...box, x: from, width: size });
	});
}

function markArrow(arrow, taken) {
	arrow.classList.toggle("taken", Boolean(taken));
	const chip = arrow.querySelector("[data-part=chip]");
	if (!chip) return;
	const { x, y, width, height } = chip.dataset;
	const numbers = taken?.numbers.join(",");
	const isLong = taken?.times > taken?.numbers.length || numbers?.length * CHARACTER > width - 3;
	chip.replaceChildren(...(taken ? [s("rect", { x, y, width, height, rx: 5 }),
		s("text", { x: +x + width / 2, y: +y + height / 2 + 3.2 }, isLong ? `×${taken.times}` : numbers)] : []));
}

import { bdi, copy, h } from "./dom.js";
import { clock, duration } from "./figures.js";

const SIGNS = { good: "✓", bad: "✗", warn: "↻", ask: "‖" };

export function makeSteps(onPick) {
	const node = copy("steps");
	const lines = node.firstElementChild;
	let [steps, now, place] = [[]];

	node.onkeydown = (event) => {
		const by = { ArrowUp: -1, ArrowDown: 1, Home: -1e9, End: 1e9 }[event.key];
		if (by) onPick(steps.at(Math.min(Math.max(place + by, 0), steps.length - 1)).seq, event.preventDefault());
	};

	const line = ({ seq, t, tone, label, text, spot }) => h(`li.tone-${tone}`, { onclick: () => onPick(seq) }, h("span.figure", seq),
		h("span.figure.quiet", { title: clock(t) }, `+${duration(t - steps[0].t)}`), h("span", SIGNS[tone] ?? "·"), bdi(spot, "b"), h("span", label), bdi(text, "span.quiet"));

	function show(seq) {
		now = seq;
		place = steps.findLastIndex((step) => step.seq <= seq);
		lines.querySelector("[aria-current]")?.removeAttribute("aria-current");
		lines.children[place]?.setAttribute("aria-current", "step");
		lines.children[place]?.scrollIntoView({ block: "nearest" });
	}

	function load() {
		lines.append(...steps.slice(lines.childElementCount).map(line));
		show(now);
	}

	function extend(all) {
		steps = all;
		if (node.isConnected) load();
	}
	return { node, show, load, extend };
}

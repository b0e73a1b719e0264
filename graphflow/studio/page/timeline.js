import { get, told } from "./api.js";
import { along, bdi, button, fill, h, neighbour } from "./dom.js";
import { clock, counted, duration, signed, slug } from "./figures.js";

function through(pieces, value, a, b, c, d) {
	const piece = pieces.find((one) => value <= one[b]) ?? pieces.at(-1);
	const part = (value - piece[a]) / (piece[b] - piece[a] || 1);
	return piece[c] + Math.min(1, Math.max(0, part)) * (piece[d] - piece[c]);
}

export function makeTimeline(path, onPick) {
	const now = h("div.now");
	const node = h("div.timeline", { onkeydown: ({ key, target }) => neighbour(key, target, [...node.querySelectorAll("button")])?.focus() });
	let [moment, place] = [];

	function show(t) {
		moment = t;
		if (place) along(now, place(t));
	}

	function draw({ t0, lanes, pieces }) {
		place = (t) => through(pieces, t, "from", "to", "left", "right");
		const bar = (element, { from, to }) => along(element, place(from), place(to) - place(from));
		const work = (name) => (span) => {
			const title = `${name} ${signed(span.status)}, ${duration(span.to - span.from)}${span.attempt > 1 ? `, try ${span.attempt}` : ""}, ${clock(span.from)}`;
			return bar(button("", () => onPick(span.seq), { class: slug(span.status), title }), span);
		};
		const many = (all) => bar(h("div", `${counted(all.n, "visit")}: ${Object.entries(all.counts).map(([status, count]) => `${count} ${signed(status)}`).join(", ")}`), all);
		const tick = (part) => along(h("i", duration(through(pieces, part, "left", "right", "from", "to") - t0)), part);
		const gap = (one) => one.is_idle && bar(h("div.gap", `${duration(one.to - one.from)} idle`), one);
		fill(node, h("div.lanes", h("div.lane.axis", h("span"), h("div", [0, 0.25, 0.5, 0.75, 1].map(tick))),
			lanes.map((lane) => h("div.lane", bdi(lane.node, "span"), h("div", lane.many ? many(lane.many) : lane.spans.map(work(lane.node))))),
			h("div.over", pieces.map(gap), now)));
		show(moment);
	}
	return { node, show, load: () => get(path).then(draw).catch((failure) => fill(node, told(failure))) };
}

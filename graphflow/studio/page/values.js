import { bdi, h } from "./dom.js";

const MANY = 30; // elements that are shown at first

const isNothing = (value) => value == null || value === "" || (typeof value === "object" && !Object.keys(value).length);

export function valueView(value, depth = 0) {
	if (typeof value === "string" && value) return longText(value);
	if (isNothing(value) || typeof value !== "object" || depth > 3) return longText(JSON.stringify(value, null, 1), "div.text.mono");
	const isList = Array.isArray(value);
	const entries = Object.entries(value).map(([key, one]) => [!isList && bdi(key, "dt"), h(isList ? "li" : "dd", valueView(one, depth + 1))]);
	const rest = entries.length > MANY && h("details", h("summary", `${entries.length - MANY} more`), entries.slice(MANY));
	return h(isList ? "ol.value" : "dl.value", entries.slice(0, MANY), rest);
}

export const longText = (text, name = "div.text") => h(name, { dir: "auto", tabindex: text.length > 400 || text.split("\n").length > 9 ? 0 : null }, text);

export function difference(before, after) {
	if (isNothing(before)) return h("ins", valueView(after));
	if (typeof before === "string" && typeof after === "string") return words(before, after);
	const isLonger = Array.isArray(before) && Array.isArray(after) && before.every((one, nth) => JSON.stringify(one) === JSON.stringify(after[nth]));
	return isLonger ? h("ins", h("p.quiet", `behind the ${before.length} before:`), valueView(after.slice(before.length)))
		: h("div", h("del", valueView(before)), h("ins", valueView(after)));
}

function words(before, after) {
	const [old, now] = [before, after].map((text) => text.split(/(?<=\s)/));
	let [start, end] = [0, 0];
	while (start < old.length && old[start] === now[start]) start += 1;
	while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
	const [went, came] = [old, now].map((all) => all.slice(start, all.length - end).join(""));
	return h("div.text", { dir: "auto", tabindex: 0 }, old.slice(0, start).join(""), went && h("del", went), went && came && " → ", came && h("ins", came), old.slice(old.length - end).join(""));
}

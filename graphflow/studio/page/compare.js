import { get, runLink, told } from "./api.js";
import { bdi, copy, fill, h, partsOf } from "./dom.js";
import { duration, pill } from "./figures.js";
import { knownRows } from "./runs.js";
import { difference } from "./values.js";
import { View, picture } from "./view.js";

export async function openPage(query, go) {
	const node = copy("compare-page");
	const { a, b, known, form, said } = partsOf(node);
	const wanted = () => `compare?${new URLSearchParams({ a: a.value, b: b.value })}`;
	form.onsubmit = (event) => go(`/${wanted()}`, event.preventDefault());
	a.value = query.get("a");
	b.value = query.get("b");
	a.onfocus = b.onfocus = () => fill(known, knownRows().map(({ run, graph, status }) => h("option", { value: run }, `${graph}, ${status}`)));
	if (a.value && b.value) fill(said, await get(`/api/${wanted()}`).then(comparison).catch(told));
	return { node };
}

function comparison({ a, b, svg, hint, words, fields }) {
	const head = ({ run, graph, status, created, updated, spent }) => {
		const node = copy("compared", { run, graph, pill: pill(status), facts: `${spent} · ${duration(updated - created)}` });
		node.firstChild.href = runLink(run);
		return node;
	};
	return [h("div.columns", head(a), head(b)), h("ul.cards", words.map((one) => bdi(one, "li"))), svg ? new View(picture(svg), "Both runs on their graph").node : hint,
		h("dl.value", fields.map((one) => [bdi(one.field, "dt"), h("dd", difference(one.a, one.b))]))];
}

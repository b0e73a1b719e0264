import { send, startForm } from "./acting.js";
import { encoded, get, runLink, session, told, whyNot } from "./api.js";
import { copy, fill, partsOf } from "./dom.js";
import { makeForm } from "./form.js";
import { View, picture } from "./view.js";

export async function openPage(query, go) {
	const node = copy("start-page");
	const parts = partsOf(node);
	const { graphs, unusable = [] } = session.studio;
	const chosen = query.get("graph") ?? (graphs.length === 1 ? graphs[0].name : "");
	const path = `/api/graphs/${encoded(chosen)}`;
	fill(parts.graphs, unusable.map(told), graphs.map((graph) => {
		const card = copy("graph-card", graph);
		card.href = `/start?${new URLSearchParams({ graph: graph.name })}`;
		card.ariaCurrent = graph.name === chosen ? "page" : null;
		return card;
	}));
	const draw = ({ form, svg }) => {
		const made = makeForm(form);
		const begin = async (body) => go(runLink((await send(`${path}/start`, body, made)).run));
		return [!whyNot() && startForm(made, "Start", false, begin), svg && new View(picture(svg), `The graph ${chosen}`).node];
	};
	if (chosen) fill(parts.said, await get(`${path}/form`).then(draw).catch(told));
	return { node };
}

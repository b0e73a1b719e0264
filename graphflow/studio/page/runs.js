import { get, runLink, told } from "./api.js";
import { button, byId, copy, fill, h, words } from "./dom.js";
import { age, clock, counted, grouped, pill } from "./figures.js";
import { follow } from "./stream.js";

const MORE = 200;
const filters = { status: "", graph: "", text: "", last: MORE };
const items = new Map();
let current;
let waiting;

export const knownRows = () => [...items.values()].map(({ row }) => row);

function again() {
	clearTimeout(waiting);
	waiting = setTimeout(() => load().catch((failure) => fill(byId("foot"), told(failure), button("Try again", again))), 150);
}

export function openRuns() {
	for (const name of ["status", "graph", "text"]) byId(name).oninput = ({ target }) => again(filters[name] = target.value);
	again();
	follow("/api/events", "", (event, { why, runs, removed }) => {
		if (event === "store") dispatchEvent(new CustomEvent("store", { detail: why }));
		if (event !== "runs") return;
		removed.forEach(drop);
		if (runs.filter((row) => !showRow(row)).length) again();
	});
	setInterval(() => knownRows().forEach(showRow), 20_000);
}

async function load() {
	const { runs, total, graphs } = await get(`/api/runs?${new URLSearchParams(filters)}`);
	const listed = runs.map(({ run }) => run);
	[...items.keys()].filter((run) => !listed.includes(run)).forEach(drop);
	const ordered = listed.map((run) => (items.get(run) ?? make(run)).item);
	if (ordered.some((item, nth) => byId("rows").children[nth] !== item)) byId("rows").append(...ordered);
	runs.forEach(showRow);
	const choice = byId("graph");
	fill(choice, choice.firstElementChild, graphs.map((name) => h("option", { value: name }, name))).value = filters.graph;
	fill(byId("foot"), total ? `${grouped(runs.length)} of ${counted(total, "run")} ` : words(filters.status || filters.graph || filters.text ? "no-such" : "no-runs"),
		runs.length < total && button("Show more", () => again(filters.last += MORE), { class: "link" }));
}

function make(run) {
	const link = h("a", { href: runLink(run) });
	return items.set(run, { link, item: h("li", link) }).get(run);
}

export function showRow(row) {
	const known = items.get(row.run);
	if (!known) return false;
	if (filters.status && row.status !== filters.status) drop(row.run);
	known.row = row;
	const facts = `${row.spent} · ${row.status === "running" ? "now" : age(Date.now() / 1000 - row.updated)}`;
	fill(known.link, ...copy("row", { ...row, pill: pill(row.status), facts }).childNodes).title = `began ${clock(row.created)}, changed ${clock(row.updated)}`;
	mark(known, row.run);
	return true;
}

function drop(run) {
	items.get(run)?.item.remove();
	items.delete(run);
}

export function markRun(id) {
	current = id;
	items.forEach(mark);
}

function mark({ link }, run) {
	link.ariaCurrent = run === current ? "page" : null;
}

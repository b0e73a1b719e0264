import { makeQuestions, rerunButton, runActions } from "./acting.js";
import { get, runLink, runPath, told, whyNot } from "./api.js";
import { bdi, copy, fill, h, partsOf, say, words } from "./dom.js";
import { clock, duration, pill, signed } from "./figures.js";
import { makeInspector } from "./inspector.js";
import { showRow } from "./runs.js";
import { makeScrubber } from "./scrubber.js";
import { Stage } from "./stage.js";
import { makeSteps } from "./steps.js";
import { follow } from "./stream.js";
import { makeTimeline } from "./timeline.js";

export async function openPage(query, go, id, crumbs) {
	const path = runPath(id);
	const about = await get(path);
	const node = copy("run-page");
	const parts = partsOf(node);
	if (about.problem) throw { error: about.problem };
	const [drawing, now, listed] = await Promise.all([get(`${path}/stage.svg`).catch(told), get(`${path}/at/last`), get(`${path}/steps`)]);
	const { steps } = listed;
	let { row, last } = about;
	let picked = null; // the id of a card or an arrow
	let [wanted, isLive] = [];

	const goTo = (to) => show(to, false);
	const stage = typeof drawing === "string" ? new Stage(drawing, pick) : { node: drawing, mark() {}, choose() {}, fit() {}, zoom() {} };
	const views = { graph: stage, timeline: makeTimeline(`${path}/timeline`, goTo), steps: makeSteps(goTo) };
	const scrubber = makeScrubber(parts, show);
	const inspect = makeInspector(parts.step, path, (seq) => !refusal() && rerunButton(path, seq, (run) => go(runLink(run))), goTo);
	const ask = makeQuestions(parts.questions, path, (to, node) => takeRow(to, fill(parts.taken, copy("taken", { node, time: clock(Date.now() / 1000) }))));
	const refusal = () => whyNot() || about.why_not;

	async function show(to, live, at) {
		[wanted, isLive] = [to, live];
		scrubber.show(to, isLive);
		views.steps.show(to);
		history.replaceState(null, "", isLive ? runLink(id) : `${runLink(id)}?at=${to}`);
		try {
			const now = at ?? await get(`${path}/at/${to}`);
			if (wanted !== to) return;
			stage.mark(now);
			views.timeline.show(now.t);
			look();
			tellPast();
		} catch (failure) {
			if (wanted === to) fill(parts.step, told(failure));
		}
	}

	const tellPast = () => fill(parts.past, wanted < last && copy("past", { entry: `${wanted} of ${last}`, asked: about.questions.length > 0 && "" }));

	function look() {
		const mine = picked && steps.filter(({ card, arrow }) => card === picked || arrow === picked);
		const step = mine ? mine.findLast((one) => one.seq <= wanted) : scrubber.at(wanted);
		stage.choose(...(picked ? [picked] : [step?.card, step?.arrow]));
		inspect(step, mine);
	}

	function pick(one) {
		picked = one;
		look();
	}

	function takeRow(to) {
		if (to.seq < row.seq) return; // overtaken by the stream
		if (to.status !== row.status) say(`${id}: ${to.status}`);
		row = to;
		showRow(row);
		summarise();
	}

	function summarise() {
		crumbs([row.graph, id], pill(row.status), `${signed(row.status)} ${id}`);
		const end = row.status === "running" ? Date.now() / 1000 : row.updated;
		const { failing, parent } = row;
		fill(parts.summary, copy("summary", {
			facts: `${row.spent} · ${duration(end - row.created)}`, began: clock(row.created), model: row.model,
			parent: parent && ["a rerun of ", h("a", { href: runLink(parent) }, bdi(parent))],
			failing: failing && [bdi(failing.node, "b"), bdi(failing.error, "p")], refusal: (!whyNot() && about.why_not) || null,
			actions: [!refusal() && runActions(row, path, takeRow), h("a.button", { href: `/compare?${new URLSearchParams({ a: parent ?? id, b: parent ? id : "" })}` }, "Compare")],
		}));
		ask(about.questions, refusal());
		tellPast();
	}

	function hear(event, data) {
		if (event === "store") dispatchEvent(new CustomEvent("store", { detail: data.why }));
		if (event === "gone") fill(parts.questions, told({ error: { what: words("removed"), why: data.why } }));
		if (data.questions) about.questions = data.questions;
		if (event === "steps") {
			extend(data.steps, data.at.seq);
			if (views.timeline.node.isConnected) views.timeline.load();
			if (isLive) show(last, true, data.at);
			else scrubber.show(wanted, false);
		}
		if (data.row) takeRow(data.row);
	}

	function extend(more, to) {
		steps.push(...more.filter((step) => step.seq > (steps.at(-1)?.seq ?? 0)));
		last = Math.max(last, to);
		views.steps.extend(steps);
		scrubber.extend(about.first, last, steps);
	}

	function turn(name) {
		fill(parts.panel, views[name].node);
		for (const one in views) parts[one].ariaPressed = String(one === name);
		views[name].load?.();
	}

	const keys = {
		ArrowLeft: scrubber.back, ArrowRight: scrubber.on, " ": scrubber.play, l: () => scrubber.live(!isLive),
		f: () => stage.fit(), "+": () => stage.zoom(1.25), "-": () => stage.zoom(0.8), Escape: () => pick(null),
	};
	for (const name in views) {
		parts[name].onclick = keys[name[0]] = () => turn(name);
	}
	extend([], now.seq);
	turn("graph");
	summarise();
	show(Number(query.get("at")) || last, !query.has("at"));
	while (steps.at(-1)?.seq < listed.last) extend((await get(`${path}/steps?after=${steps.at(-1).seq}`)).steps, listed.last);
	const stop = follow(`${path}/events`, last, hear, (failure) => fill(parts.questions, told(failure)));
	addEventListener("session", summarise);
	return {
		node,
		key: (name) => keys[name]?.(),
		close() {
			stop();
			scrubber.pause();
			removeEventListener("session", summarise);
		},
	};
}

import { learnStudio, session, takeToken, told, whyNot } from "./api.js";
import { bdi, byId, fill, h, words } from "./dom.js";
import { clock } from "./figures.js";
import { markRun, openRuns } from "./runs.js";
import { themeSwitch } from "./theme.js";

let open = {};
let shown = 0;

function crumbs(names, beside, title = names.at(-1)) {
	fill(byId("crumbs"), names.map((name) => bdi(name)), beside);
	document.title = title ? `${title} · graphflow` : "graphflow";
}

const go = (address) => show(history.pushState(null, "", address));

const PAGES = { runs: "run", compare: "compare", start: "start" };

async function show() {
	const [, page, name = ""] = location.pathname.split("/");
	const id = decodeURIComponent(name.replace(/^~/, ""));
	const number = (shown += 1);
	open.close?.();
	open = {};
	markRun(id);
	document.body.dataset.page = page || "all";
	crumbs([id || page].filter(Boolean));
	try {
		const opened = page in PAGES ? await (await import(`./${PAGES[page]}.js`)).openPage(new URLSearchParams(location.search), go, id, crumbs) : { node: "" };
		if (number !== shown) return opened.close?.();
		open = opened;
		fill(byId("view"), open.node);
	} catch (failure) {
		if (number === shown) fill(byId("view"), h("div.page", told(failure)));
	}
}

document.onclick = (event) => {
	const link = event.target.closest("a[href]");
	if (!link || link.hash || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
	go(link.pathname + link.search, event.preventDefault());
};

const BUSY = { " ": "button, a, summary, input", ArrowLeft: "input, .canvas, .timeline", ArrowRight: "input, .canvas, .timeline" };

document.onkeydown = (event) => {
	const { key, target } = event;
	if (target.closest(`input:not([type=checkbox], [type=range]), textarea, select, dialog[open], ${BUSY[key] ?? "i"}`)) return;
	if (event.metaKey || event.ctrlKey || event.altKey) return;
	if (key === "?") byId("help").showModal();
	else if (key === "/") byId("text").focus();
	else open.key?.(key.length === 1 ? key.toLowerCase() : key);
	if (["/", " "].includes(key)) event.preventDefault();
};

let since;
addEventListener("connection", ({ detail: isLost }) => {
	if (!isLost && since) learnStudio();
	since = isLost ? since ?? Date.now() / 1000 : null;
	fill(byId("lost"), since && `${words("lost-since")} ${clock(since)}`);
});
addEventListener("store", ({ detail }) => fill(byId("unread"), detail));
addEventListener("session", () => {
	const { store, read_only: isReadOnly, hint } = session.studio;
	fill(byId("store"), store);
	fill(byId("hint"), hint);
	byId("to-start").hidden = isReadOnly;
	fill(byId("look"), whyNot());
});
addEventListener("popstate", show);
byId("to-help").onclick = () => byId("help").showModal();
themeSwitch(byId("theme"));
takeToken();
openRuns();
learnStudio().catch((failure) => fill(byId("hint"), failure.error.what)).then(show);

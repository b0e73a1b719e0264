// Asking the studio's server, and whether this page may act. Failures are thrown as it says them.
import { button, byId, copy, fill, h, words } from "./dom.js";

export const session = {};

/** Take the token from the address, where it must not stay; else the one that this tab keeps. */
export function takeToken() {
	const given = new URLSearchParams(location.hash.slice(1)).get("token");
	if (given) history.replaceState(null, "", location.pathname + location.search);
	session.token = given ? { text: given } : JSON.parse(sessionStorage.token ?? null);
}

export async function learnStudio() {
	const studio = session.studio = await get("/api/studio");
	if (session.token) {
		session.token.start ??= studio.start;
		sessionStorage.token = JSON.stringify(session.token);
	}
	dispatchEvent(new Event("session"));
}

/** Why nothing can be done from this page; empty where it can. */
export function whyNot() {
	const { studio, token } = session;
	if (!studio || token?.start === studio.start) return studio?.read_only ? words("read-only") : "";
	return words(studio.read_only ? "read-only" : token ? "stale" : "no-token");
}

/** A name in an address. Browsers take a name of dots for a folder, so a ~ goes before it. */
export const encoded = (name) => (/^[~.]/.test(name) ? "~" : "") + encodeURIComponent(name);
export const runPath = (id) => `/api/runs/${encoded(id)}`;
export const runLink = (id) => `/runs/${encoded(id)}`;

export const post = (path, body) => get(path, {
	method: "POST",
	headers: { "Content-Type": "application/json", "X-Graphflow-Token": session.token?.text ?? "" },
	body: JSON.stringify(body),
});

export async function get(path, options) {
	const answer = await fetch(path, options).catch(() => {
		throw { error: { what: words("no-answer-what"), fix: words("no-answer-fix") } };
	});
	if (!answer.ok) throw await failureOf(answer);
	return answer.headers.get("Content-Type").includes("json") ? answer.json() : answer.text();
}

export async function failureOf(answer) {
	const { status } = answer;
	return { status, error: { what: `The studio answered ${status}` }, ...await answer.json().catch(() => null) };
}

export function told(failure) {
	if (!failure.error) console.error(failure);
	return copy("problem", failure.error ?? { what: String(failure) });
}

export function doing(text, work, place, name = "button") {
	const node = h(name, { type: "button", onclick: async () => {
		if (node.ariaBusy) return;
		node.ariaBusy = "true";
		fill(place);
		await work().catch((failure) => fill(place, told(failure)));
		node.ariaBusy = null;
	} }, text);
	return node;
}

export function openDialog(title, ...children) {
	const dialog = fill(byId("dialog"), h("h2", title), children);
	dialog.ariaLabel = title;
	dialog.onclose = () => fill(dialog);
	dialog.showModal();
	return dialog;
}

export const asking = (text, question, work) => button(text, () => {
	const place = h("div");
	const sure = doing(text, () => work().then(() => dialog.close()), place, "button.main");
	const dialog = openDialog(question, h("div.row", sure, button("Leave it", () => dialog.close())), place);
});

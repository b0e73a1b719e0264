// Server-sent events that come back by themselves, behind the last event that was heard.
import { failureOf } from "./api.js";

const SILENCE_MS = 30_000; // the server says something every 10 s
const WAIT_MS = 1500;
const lost = new Set();

function tell(path, isLost) {
	lost[isLost ? "add" : "delete"](path);
	dispatchEvent(new CustomEvent("connection", { detail: lost.size > 0 }));
}

/** Follow a stream: `heard(event, data)` for each event, `refused(failure)` if there is none. Returns how to stop. */
export function follow(path, last, heard, refused) {
	let [stop, isGoing, isClosed] = [];

	async function go() {
		if (isGoing) return;
		for (isGoing = true; !isClosed && !document.hidden; await new Promise((done) => setTimeout(done, WAIT_MS))) {
			stop = new AbortController();
			await listen(stop).catch((error) => error.status < 500 && refused?.(error, close()));
			if (!isClosed && !document.hidden) tell(path, true);
		}
		isGoing = false;
	}

	async function listen({ signal }) {
		const answer = await fetch(path, { headers: { "Last-Event-ID": last }, signal, cache: "no-store" });
		if (!answer.ok) throw await failureOf(answer);
		tell(path, false);
		const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
		for (let rest = ""; ;) {
			const silence = setTimeout(() => stop.abort(), SILENCE_MS);
			const { done, value } = await reader.read().finally(() => clearTimeout(silence));
			if (done) return;
			const blocks = (rest + value).split("\n\n");
			rest = blocks.pop();
			blocks.forEach(take);
		}
	}

	function take(block) {
		const { id, event, data } = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
		last = id ?? last;
		if (data && !isClosed) heard(event, JSON.parse(data));
	}

	/** A page that nobody sees lets go: a browser has six connections. */
	function onHidden() {
		if (document.hidden) stop?.abort();
		else go();
	}

	function close() {
		isClosed = true;
		stop?.abort();
		document.removeEventListener("visibilitychange", onHidden);
		tell(path, false);
	}

	document.addEventListener("visibilitychange", onHidden);
	go();
	return close;
}

import { get, told } from "./api.js";
import { bdi, button, copy, fill, h, words } from "./dom.js";
import { clock, duration, signed } from "./figures.js";
import { difference, longText, valueView } from "./values.js";

const folded = new Set(["Whole state"]); // sections as the reader left them

export function makeInspector(node, path, action, onPick) {
	let now;

	function head({ seq, t, spot, tone, label }, others) {
		const visit = (one) => button(one.seq, () => onPick(one.seq), { class: `small tone-${one.tone}`, "aria-current": one.seq === seq && "step", title: `${one.spot} ${one.label}` });
		return copy("step-head", {
			spot: spot || "The run", label: h(`span.tone-${tone}`, label), about: `entry ${seq} · ${clock(t)}${others ? " · chosen, Esc lets go" : ""}`,
			visits: others?.length > 1 && others.slice(-60).map(visit), action: action(seq),
		});
	}

	/** Show a step, and the others of its node if the reader chose that one. */
	return async (step, others) => {
		const key = `${step?.seq} ${others?.length}`;
		if (key === now) return;
		now = key;
		if (!step) return fill(node, h("p.quiet", words("idle")));
		const parts = await get(`${path}/steps/${step.seq}`).then(sections).catch(told);
		if (key === now) fill(node, head(step, others), parts);
	};
}

function sections({ step, why, changes, state, messages, error, attempts, usage }) {
	const named = (list) => h("dl.value", list.map(([name, value]) => [bdi(name, "dt"), h("dd", value)]));
	return [
		error ? h("div.problem", bdi(`${error.type}${error.attempt && error.of > 1 ? ` · try ${error.attempt} of ${error.of}` : ""}`, "b"), longText(error.text)) : bdi(step.text, "p"),
		section("Why this edge", why, why.map(reason)),
		section("State changes", changes, named(changes.map(({ field, before, after }) => [field, difference(before, after)]))),
		section("Attempts", attempts, attempts.map(({ n, t, seconds, outcome, error: problem }) =>
			copy("reason", { what: `try ${n} ${signed(outcome)}`, outcome: `${duration(seconds)}, ${clock(t)}`, text: problem && !problem.includes(error?.text.split("\n")[0]) && longText(problem) }))),
		section("Messages", messages, h("p.quiet", usage?.spent), messages.map(({ role, text, calls }) =>
			copy("reason", { what: role, text: text && longText(text), more: calls.map(call) }))),
		section("Whole state", Object.keys(state), named(Object.entries(state).map(([name, value]) => [name, valueView(value)]))),
	];
}

function section(title, { length }, ...content) {
	if (!length) return null;
	const node = copy("section", { title, count: length, content });
	node.open = !folded.has(title);
	node.ontoggle = () => folded[node.open ? "delete" : "add"](title);
	return node;
}

function reason({ to, condition, values, outcome, taken }) {
	const sign = taken ? "✓" : outcome === "was not tried" ? "–" : "✗";
	const node = copy("reason", { what: `${sign} → ${to.join(", ")}`, outcome, condition: condition || null, saw: values && [h("span.quiet", "saw "), bdi(values, "code")] });
	node.classList.toggle("won", taken);
	return node;
}

const call = ({ tool, arguments: given, result }) =>
	copy("reason", { what: `calls ${tool}`, text: valueView(given), more: result != null && [h("p.quiet", "got"), valueView(result)] });

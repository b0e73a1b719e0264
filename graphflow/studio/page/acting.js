import { asking, doing, get, openDialog, post } from "./api.js";
import { bdi, button, copy, fill, h, say, words } from "./dom.js";
import { clock } from "./figures.js";
import { makeForm } from "./form.js";
import { longText, valueView } from "./values.js";

/** Send a form. What is wrong is said at its fields; what is of none of them, where its button is. */
export const send = (path, body, form) => post(path, body).catch((failure) => {
	if (failure.fields) Object.assign(failure.error, { fix: null, why: form.fail(failure.fields).join("\n") });
	throw failure;
});

export function makeQuestions(shown, path, onAnswer) {
	let cards = new Map();

	/** The form of an answer. What is chosen of a few comes as buttons, which send the rest too. */
	function answering({ id, node, kind, form }) {
		const place = h("div");
		const choice = form.fields.find((field) => (field.kind === "choice" && field.required && field.choices.length < 5) || (form.one && field.kind === "bool"));
		const rest = makeForm({ ...form, fields: form.fields.filter((field) => field !== choice && !(choice && form.one)) });
		const answer = (chosen) => async () => {
			const read = form.one && choice ? chosen : rest.read();
			if (read === null) return;
			const value = form.one ? read : { ...read, ...(choice && { [choice.name]: chosen }) };
			onAnswer((await send(`${path}/answer`, { question: id, value }, rest)).row, node);
		};
		const [yes, no] = kind === "approval" ? ["Approve", "Refuse"] : ["Yes", "No"];
		const ways = !choice ? [["Answer"]] : choice.kind === "bool" ? [[yes, true], [no, false]] : choice.choices.map((one) => [String(one), one]);
		const act = ([text, value], nth) => doing(text.replace(/^./, (letter) => letter.toUpperCase()), answer(value), place, nth ? "button" : "button.main");
		return [rest.node, bdi(choice?.help ?? "", "p"), h("div.row", ways.map(act)), place];
	}

	const card = ({ due, text, call, ...question }, refusal) => copy("question", {
		...question, due: due && `until ${clock(due)}`, text: longText(text.trim()),
		call: call && [bdi(call.tool, "code"), valueView(call.arguments)], answer: !refusal && answering(question),
		round: question.id.match(/:(\d+)$/)?.[1],
	});

	/** Show these questions. What is half filled in stays as it is. */
	return (questions, refusal) => {
		const keys = questions.map(({ id, text }) => JSON.stringify([id, text, refusal]));
		if (keys.join() === [...cards.keys()].join()) return;
		if (keys.length > cards.size) say(`${questions[0].node} is waiting for you`);
		cards = new Map(keys.map((key, nth) => [key, cards.get(key) ?? card(questions[nth], refusal)]));
		fill(shown, [...cards.values()]);
	};
}

export function runActions({ status, is_driven: isDriven, has_answers: isAnswered, due }, path, onDone) {
	const act = (name) => async () => onDone((await post(`${path}/${name}`, {})).row);
	if (isDriven) return asking("Stop", words("stop"), act("stop"));
	return (/stopped|failed|exhausted/.test(status) || (status === "waiting" && (isAnswered || (due && due < Date.now() / 1000)))) && asking("Resume", words(status), act("resume"));
}

export function startForm(made, text, isChanged, begin, ...more) {
	const said = h("div");
	const start = async () => {
		const id = node.querySelector("#name").value;
		const state = made.read(isChanged);
		if (state) await begin({ state, ...(id && { id }) });
	};
	const node = copy("new-run", { fields: made.node, buttons: [doing(text, start, said, "button.main"), more], said });
	return node;
}

/** A new run from a step of this one, with fields of the state changed; the old one stays as it is. */
export function rerunButton(path, seq, onStart) {
	const place = h("div");
	return [doing("Rerun from here", async () => {
		const { state, form, from } = await get(`${path}/rerun/${seq}`);
		const made = makeForm(form, state);
		const begin = async (body) => {
			const { run } = await send(`${path}/rerun`, { seq, ...body }, made);
			onStart(run, dialog.close());
		};
		const dialog = openDialog(`Rerun from entry ${seq}`, copy("rerun", { from: from.join(", ") }),
			startForm(made, "Start the rerun", true, begin, button("Cancel", () => dialog.close())));
	}, place), place];
}

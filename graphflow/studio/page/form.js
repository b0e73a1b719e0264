// Forms made of what the server says of a schema. What is wrong is said at its field.
import { button, copy, fill, h, partsOf } from "./dom.js";

let count = 0;

/**
 * A form, that begins with `given`, else with defaults. `read(isChanged)` gives its values, or those that were changed; null
 * if one cannot be read. `fail(wrong)` says what is wrong at the fields, and returns what is of none.
 */
export function makeForm({ fields: described, one }, given = {}) {
	const fields = described.map((field) => makeField(field, given[field.name] ?? field.default));
	const node = h("div", fields.map((field) => field.node));
	const fail = (wrong) => {
		const left = { ...wrong };
		for (const { name, say } of fields) {
			const mine = Object.keys(left).filter((path) => `${path}.`.startsWith(`${name}.`));
			say(mine.map((path) => `${path.slice(name.length + 1)} ${left[path]}`).join("\n"));
			mine.forEach((path) => delete left[path]);
		}
		node.querySelector("[aria-invalid]")?.focus();
		return Object.entries(left).map((pair) => pair.join(": "));
	};
	const read = (isChanged) => {
		const [values, wrong] = [{}, {}];
		for (const field of fields) {
			try {
				const value = field.read();
				if (value !== undefined && !(isChanged && JSON.stringify(value) === field.first)) values[field.name] = value;
			} catch (error) {
				wrong[field.name] = error.message;
			}
		}
		fail(wrong);
		return Object.keys(wrong).length ? null : one ? values[fields[0].name] : values;
	};
	return { node, read, fail };
}

function makeField(field, begin) {
	const { name, title, kind, required, help } = field;
	const { box, input = box, read } = (KINDS[kind] ?? KINDS.json)(field, begin);
	const node = copy("field", { title: title || name, optional: !required && "", help: help || null, input, wrong: "" });
	const { wrong } = partsOf(node);
	box.id = `field-${(count += 1)}`;
	wrong.id = `${box.id}-wrong`;
	node.querySelector("label").htmlFor = box.id;
	box.setAttribute("aria-describedby", wrong.id);
	const say = (words) => {
		fill(wrong, words);
		box.ariaInvalid = words ? "true" : null;
	};
	return { name, node, read, say, first: JSON.stringify(required ? null : read()) };
}

const plain = (value) => (typeof value === "string" ? value : value == null ? "" : JSON.stringify(value, null, 1));
const area = (value, rows, more) => h("textarea", { dir: "auto", rows, value: plain(value), ...more });

/** A text that was and is empty is left out: the graph has its own default for it. */
const text = (rows) => ({ required }, begin) => {
	const box = area(begin, rows);
	const read = () => {
		if (required && !box.value) throw new Error("Fill this in.");
		return box.value || begin != null ? box.value : undefined;
	};
	return { box, read };
};

/** What is no number is sent as it is: the server says what it has to be. */
function number(field, begin) {
	const box = h("input", { inputmode: "decimal", value: plain(begin) });
	return { box, read: () => (box.value.trim() ? (Number.isNaN(+box.value) ? box.value : +box.value) : undefined) };
}

const KINDS = {
	text: text(1),
	long: text(4),
	number,
	integer: number,
	bool(field, begin) {
		const box = h("input", { type: "checkbox", checked: begin === true });
		return { box, read: () => box.checked };
	},
	choice({ choices }, begin) {
		const box = h("select", h("option", { value: "" }, "choose"), choices.map((choice, nth) => h("option", { value: nth }, plain(choice) || "(empty)")));
		box.value = choices.includes(begin) ? choices.indexOf(begin) : "";
		return { box, read: () => choices[box.value || -1] };
	},
	list({ name }, begin) {
		const isText = (begin ?? []).every((one) => typeof one === "string");
		const rows = h("div");
		const add = (value) => {
			const row = h("div.row", area(value, 1, { "aria-label": `an element of ${name}` }), button("✕", () => box.focus(row.remove()), { title: "Remove" }));
			rows.append(row);
			row.firstChild.focus();
		};
		const box = button("+ Add", () => add(""), { "aria-label": `Add to ${name}` });
		begin?.forEach(add);
		return { box, input: [rows, box], read: () => [...rows.children].map(({ firstChild: { value } }) => (isText ? value : JSON.parse(value))) };
	},
	json(field, begin) {
		const box = area(begin && JSON.stringify(begin, null, 1), 3, { class: "mono" });
		return { box, read: () => (box.value.trim() ? JSON.parse(box.value) : undefined) };
	},
};

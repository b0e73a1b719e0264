// Elements. What a model or a user wrote only ever becomes a text node, and is never read as HTML.

function put(element, given) {
	element.append(...given.flat(9).filter((child) => child != null && child !== false));
	return element;
}

function make(space, name, given) {
	const [tag, ...classes] = name.split(".");
	const element = document.createElementNS(`http://www.w3.org/${space}`, tag);
	if (classes.length) element.setAttribute("class", classes.join(" "));
	const isAttributes = given[0]?.constructor === Object;
	for (const [key, value] of Object.entries(isAttributes ? given.shift() : {})) {
		if (/^on|^value$|^checked$/.test(key)) element[key] = value;
		else if (value != null && value !== false) element.setAttribute(key, value);
	}
	return put(element, given);
}

/** An element: h("p.quiet", {dir: "auto"}, "text", h("b", "more")); and one in SVG. */
export const h = (name, ...given) => make("1999/xhtml", name, given);
export const s = (name, ...given) => make("2000/svg", name, given);

/** A text of somebody else's, in whatever direction it is written, that leaves the text around it alone. */
export const bdi = (text, name = "bdi") => h(name, { dir: "auto" }, String(text));

export const button = (text, onclick, attributes) => h("button", { type: "button", onclick, ...attributes }, text);

export function fill(element, ...children) {
	element.replaceChildren();
	return put(element, children);
}

export const byId = (id) => document.getElementById(id);
export const partsOf = (node) => Object.fromEntries([...node.querySelectorAll("[data-is]")].map((one) => [one.dataset.is, one]));

/** A copy of a template of index.html, with its parts (data-is) filled; one that there is nothing for is left out. */
export function copy(id, contents) {
	const node = byId(id).content.firstElementChild.cloneNode(true);
	for (const [name, part] of Object.entries(contents ? partsOf(node) : {})) {
		const content = contents[name];
		if (content == null || content === false) part.remove();
		else put(part, [content]);
	}
	return node;
}

export const words = (id) => byId("words").content.getElementById(id).textContent;

export const say = (text) => fill(byId("said"), text);

export function along(element, left, width) {
	element.style.setProperty("left", `${100 * left}%`);
	if (width) element.style.setProperty("width", `${100 * width}%`);
	return element;
}

export const neighbour = (key, from, all) => all[all.indexOf(from) + ({ ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[key] ?? NaN)];

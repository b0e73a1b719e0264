// Figures, as in graphflow/views/measures.py.
import { h } from "./dom.js";

const two = (number) => String(number).padStart(2, "0");

export function duration(seconds) {
	if (seconds < 0.0995) return `${Math.round(Math.max(0, seconds) * 1000)} ms`;
	if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
	const whole = Math.round(seconds);
	if (whole < 100) return `${whole} s`;
	if (whole < 6000) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
	return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

export function age(seconds) {
	if (seconds < 5) return "now";
	for (const [size, unit] of [[86_400, "d"], [3600, "h"], [60, "min"]]) {
		if (seconds >= 2 * size || (size === 60 && seconds >= 100)) return `${Math.floor(seconds / size)} ${unit} ago`;
	}
	return `${Math.floor(seconds)} s ago`;
}

/** The time of day; of another day, the date too. */
export function clock(t) {
	const [day, time] = new Date(t * 1000).toLocaleString("sv").split(" ");
	return day === new Date().toLocaleDateString("sv") ? time : `${day} ${time}`;
}

export const grouped = (number) => number.toLocaleString("en-US");
export const counted = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;

const GLYPHS = { running: "●", retrying: "↻", waiting: "‖", done: "✓", failed: "✗", stopped: "■", exhausted: "⊘" };
export const signed = (status) => `${GLYPHS[status] ?? "○"} ${status}`;
export const slug = (status) => `is-${status.replace(" ", "-")}`;

export const pill = (status) => h(`span.pill.${slug(status)}`, signed(status));

import { fill } from "./dom.js";
import { clock, duration } from "./figures.js";

const FRAME_MS = 600;

/** `onMove(seq, isLive)` is told where the reader wants to be. */
export function makeScrubber({ back, on, play, slider, live, count, when }, onMove) {
	let [steps, first, last, seq, playing] = [[], 1, 1, 1];

	const at = (entry) => steps.findLast((step) => step.seq <= entry);
	const after = () => steps.find((step) => step.seq > seq)?.seq;

	function pause(timer) {
		clearInterval(playing);
		playing = timer;
		Object.assign(play, timer ? { textContent: "❚❚", ariaLabel: "Pause" } : { textContent: "▶", ariaLabel: "Play" });
	}

	function move(to, isLive = false) {
		pause();
		if (to) onMove(to, isLive);
	}

	function goOn() {
		const next = after();
		if (next) onMove(next, false);
		else pause();
	}

	const control = {
		at,
		pause,
		extend(from, to, all) {
			[first, last, steps] = [from, to, all];
			Object.assign(slider, { min: first, max: Math.max(last, first + 1), disabled: last <= first });
		},
		show(to, isLive) {
			const step = at(to);
			slider.value = seq = to;
			slider.ariaValueText = `${to} of ${last}, ${step?.spot} ${step?.label}`;
			live.checked = isLive;
			fill(count, `${to} / ${last}`);
			fill(when, step && `+${duration(step.t - steps[0].t)}`).title = step ? clock(step.t) : "";
		},
		back: () => move(at(seq - 1)?.seq),
		on: () => move(after()),
		live: (isLive) => move(isLive ? last : seq, isLive),
		play() {
			if (playing) return pause();
			if (seq >= last) move(first);
			pause(setInterval(goOn, FRAME_MS));
		},
	};
	back.onclick = control.back;
	on.onclick = control.on;
	play.onclick = control.play;
	slider.oninput = () => move(slider.valueAsNumber);
	live.onchange = () => control.live(live.checked);
	return control;
}

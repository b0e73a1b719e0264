// Light, dark, or as the system has it: set before the first paint.
const root = document.documentElement;

try {
	root.dataset.theme = localStorage.theme;
} catch { /* nothing is kept here */ }

export function themeSwitch(select) {
	if (/light|dark/.test(root.dataset.theme)) select.value = root.dataset.theme;
	select.onchange = () => {
		localStorage.theme = root.dataset.theme = select.value;
	};
}

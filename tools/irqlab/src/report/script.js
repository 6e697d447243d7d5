// SPDX-License-Identifier: GPL-2.0
// What moves in the report. Without it everything is shown, one below the other.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- One of several pictures or tables ----

for (const choices of all("[data-choose]")) {
	const section = choices.closest("section");
	const parts = all(`[data-group="${choices.dataset.choose}"]`, section);
	const choose = (name) => {
		for (const button of choices.children)
			button.setAttribute("aria-pressed", button.dataset.name === name);
		for (const part of parts)
			part.hidden = part.dataset.name !== name;
	};
	for (const button of choices.children)
		button.addEventListener("click", () => choose(button.dataset.name));
	choose(choices.querySelector("[aria-pressed=true]").dataset.name);
	// On paper all of them are there.
	addEventListener("beforeprint", () => parts.forEach((part) => { part.hidden = false; }));
	addEventListener("afterprint", () => choose(choices.querySelector("[aria-pressed=true]").dataset.name));
}

// ---- Values under the pointer ----

const tip = document.getElementById("tip");
const showTip = (event, text) => {
	tip.textContent = text;
	tip.hidden = false;
	const { width, height } = tip.getBoundingClientRect();
	const left = Math.min(event.clientX + 14, innerWidth - width - 8);
	const top = event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18;
	tip.style.left = `${Math.max(8, left)}px`;
	tip.style.top = `${Math.max(8, top)}px`;
};
const hideTip = () => { tip.hidden = true; };

document.addEventListener("pointermove", (event) => {
	const over = event.target.closest?.("[data-tip]");
	if (over)
		showTip(event, over.dataset.tip);
	else if (!event.target.closest?.(".curves"))
		hideTip();
});
addEventListener("scroll", hideTip, { passive: true });

const time = (ns) => ns < 1e3 ? `${ns.toFixed(0)} ns` : ns < 1e6 ? `${(ns / 1e3).toPrecision(3)} µs`
	: ns < 1e9 ? `${(ns / 1e6).toPrecision(3)} ms` : `${(ns / 1e9).toPrecision(3)} s`;

// ---- Curves: the nearest one stands out; a click on its name keeps it so ----

for (const svg of all("svg.curves")) {
	const legend = svg.closest(".scroll").nextElementSibling;
	const { low, high, left, right } = Object.fromEntries(Object.entries(svg.dataset).map(([key, value]) => [key, +value]));
	const curves = all(".curve", svg).map((path) => ({
		path,
		name: path.dataset.name,
		points: path.dataset.points.split(" ").map((point) => point.split(",").map(Number)),
	}));
	let kept = null;
	const standOut = (name) => {
		svg.classList.toggle("chosen", name !== null);
		for (const { path, name: own } of curves)
			path.classList.toggle("is-chosen", own === name);
		for (const button of legend.children)
			button.setAttribute("aria-pressed", button.dataset.name === name);
	};
	const partAt = (points, ns) => points.reduce((part, [end, sum]) => end <= ns ? sum : part, 0);
	svg.addEventListener("pointermove", (event) => {
		const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
		const ns = 10 ** (low + (at.x - left) / (right - left) * (high - low));
		const height = (290 - at.y) / 278;
		const distance = ({ points }) => Math.abs(partAt(points, ns) - height);
		const named = curves.filter(({ name }) => name === kept);
		const nearest = (named.length ? named : curves).reduce((best, curve) => distance(curve) < distance(best) ? curve : best);
		standOut(nearest.name);
		showTip(event, `${nearest.name}: ${(partAt(nearest.points, ns) * 100).toFixed(1)} % within ${time(ns)}`);
	});
	svg.addEventListener("pointerleave", () => { hideTip(); standOut(kept); });
	for (const button of legend.children)
		button.addEventListener("click", () => {
			kept = kept === button.dataset.name ? null : button.dataset.name;
			standOut(kept);
		});
}

// ---- Claims ----

for (const filters of all(".filters")) {
	const section = filters.closest("section");
	const [input, select] = [filters.querySelector("input"), filters.querySelector("select")];
	const buttons = all("[data-verdict]", filters);
	const claims = all(".claim", section).map((element) => ({ element, text: element.textContent.toLowerCase() }));
	const filter = () => {
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		const verdicts = buttons.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.dataset.verdict);
		const groups = new Set();
		let count = 0;
		for (const { element, text } of claims) {
			const { verdict, of } = element.dataset;
			element.hidden = !(words.every((word) => text.includes(word)) && (!verdicts.length || verdicts.includes(verdict))
				&& (!select.value || select.value === of));
			if (!element.hidden) {
				groups.add(of);
				count++;
			}
		}
		for (const heading of all("[data-heading]", section))
			heading.hidden = !groups.has(heading.dataset.heading);
		section.querySelector(".shown").textContent = count === claims.length ? "" : `${count} of ${claims.length} claims`;
	};
	input.addEventListener("input", filter);
	select.addEventListener("change", filter);
	for (const button of buttons)
		button.addEventListener("click", () => {
			button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
			filter();
		});
	const overview = section.parentElement.querySelector(".overview");
	for (const tile of all("[data-verdict]", overview))
		tile.addEventListener("click", () => {
			for (const button of buttons)
				button.setAttribute("aria-pressed", button.dataset.verdict === tile.dataset.verdict);
			filter();
		});
}

// A link to a claim, as #TASK-01, opens it.
const openLinked = () => {
	const claim = all(".claim").find(({ dataset }) => `#${dataset.id}` === location.hash);
	if (claim) {
		claim.open = true;
		claim.scrollIntoView();
	}
};
addEventListener("hashchange", openLinked);
openLinked();

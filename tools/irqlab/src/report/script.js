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

// The same without places behind the point that say nothing.
const roundTime = (ns) => {
	const [unit, name] = ns < 1e3 ? [1, "ns"] : ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
	return `${+(ns / unit).toPrecision(4)} ${name}`;
};

// ---- Curves: the nearest one stands out; a click on its name keeps it so; a drag across them zooms in ----

const make = (name, attributes, text = "") => {
	const element = document.createElementNS(document.querySelector("svg").namespaceURI, name);
	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	element.textContent = text;
	return element;
};

// Round times from 10^from to 10^to nanoseconds: the powers of ten, and with few of them 2 and 5 times those; or,
// in less than a third of a decade, some that are as far from each other.
const roundTimes = (from, to) => {
	const [first, last] = [10 ** from, 10 ** to];
	const within = (times) => times.filter((ns) => ns >= first * 0.999 && ns <= last * 1.001);
	const powers = Array.from({ length: Math.ceil(to) - Math.floor(from) + 1 }, (_, n) => 10 ** (Math.floor(from) + n));
	const times = within(to - from > 2.5 ? powers : powers.flatMap((power) => [power, 2 * power, 5 * power]));
	if (times.length > 2)
		return times;
	const step = 10 ** Math.floor(Math.log10((last - first) / 2));
	const width = [5, 2, 1].map((factor) => factor * step).find((one) => (last - first) / one >= 3) ?? step;
	return within(Array.from({ length: 30 }, (_, n) => (Math.ceil(first / width) + n) * width));
};

for (const svg of all("svg.curves")) {
	const legend = svg.closest(".scroll").nextElementSibling;
	const { low, high, left, right } = Object.fromEntries(Object.entries(svg.dataset).map(([key, value]) => [key, +value]));
	const curves = all(".curve", svg).map((path) => ({
		path,
		name: path.dataset.name,
		points: path.dataset.points.split(" ").map((point) => point.split(",").map(Number)),
	}));
	const partAt = (points, ns) => points.reduce((part, [end, sum]) => end <= ns ? sum : part, 0);
	const [top, bottom] = [12, 290];
	const y = (part) => bottom - part * (bottom - top);
	let [from, to] = [low, high];
	const x = (ns) => left + (Math.log10(ns) - from) / (to - from) * (right - left);
	const powerAt = (at) => from + (Math.min(Math.max(at, left), right) - left) / (right - left) * (to - from);
	const placeOf = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());

	const draw = () => {
		const isInside = ([ns]) => ns > 10 ** from && ns <= 10 ** to;
		for (const { path, points } of curves) {
			const inside = points.filter(isInside);
			const before = partAt(points, 10 ** from);
			const start = before > 0 || !inside.length ? left : x(inside[0][0]);
			const steps = inside.map(([ns, part]) => `H${x(ns).toFixed(1)}V${y(part).toFixed(1)}`);
			const goesOn = points.at(-1)[0] > 10 ** to;
			path.setAttribute("d", before === 1 ? "" : `M${start} ${y(before)}${steps.join("")}${goesOn ? `H${right}` : ""}`);
		}
		for (const old of all("line.grid, text.tick", svg))
			if (old.matches("line") ? old.getAttribute("x1") === old.getAttribute("x2") : old.getAttribute("text-anchor") === "middle")
				old.remove();
		for (const ns of roundTimes(from, to)) {
			svg.prepend(make("line", { class: "grid", x1: x(ns), x2: x(ns), y1: top, y2: bottom }));
			svg.append(make("text", { class: "tick", x: x(ns), y: bottom + 18, "text-anchor": "middle" }, roundTime(ns)));
		}
	};
	const hint = legend.insertAdjacentElement("afterend", document.createElement("p"));
	hint.className = "hint";
	hint.textContent = "Drag across the curves to look closer. ";
	const whole = hint.appendChild(document.createElement("button"));
	whole.type = "button";
	whole.textContent = "Show all again";
	const show = (first, last) => {
		[from, to] = [first, last];
		whole.hidden = first === low && last === high;
		draw();
	};
	whole.hidden = true;
	whole.addEventListener("click", () => show(low, high));
	svg.addEventListener("dblclick", () => show(low, high));
	const chosen = make("rect", { class: "chosen-times", y: top, height: bottom - top });
	let drag = null;
	svg.addEventListener("pointerdown", (event) => {
		if (event.button === 0 && event.pointerType !== "touch") {
			drag = placeOf(event).x;
			event.preventDefault();
		}
	});
	const dragged = (event) => [drag, placeOf(event).x].sort((a, b) => a - b);
	addEventListener("pointermove", (event) => {
		if (drag === null)
			return;
		const [first, last] = dragged(event).map((at) => Math.min(Math.max(at, left), right));
		chosen.setAttribute("x", first);
		chosen.setAttribute("width", last - first);
		svg.append(chosen);
	});
	addEventListener("pointerup", (event) => {
		if (drag === null)
			return;
		const [first, last] = dragged(event);
		const powers = [powerAt(first), powerAt(last)];
		drag = null;
		chosen.remove();
		// Else it was a click; and closer than that there is nothing to see.
		if (last - first > 8 && powers[1] - powers[0] > 0.02)
			show(...powers);
	});
	let kept = null;
	const standOut = (name) => {
		svg.classList.toggle("chosen", name !== null);
		for (const { path, name: own } of curves)
			path.classList.toggle("is-chosen", own === name);
		for (const button of legend.children)
			button.setAttribute("aria-pressed", button.dataset.name === name);
	};
	svg.addEventListener("pointermove", (event) => {
		const at = placeOf(event);
		const ns = 10 ** powerAt(at.x);
		const height = (bottom - at.y) / (bottom - top);
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
	// Of several runs on the page each has its own, before its claims.
	const overview = all(".overview").findLast((one) => one.compareDocumentPosition(section) & Node.DOCUMENT_POSITION_FOLLOWING);
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

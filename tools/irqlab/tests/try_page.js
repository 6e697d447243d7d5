// SPDX-License-Identifier: GPL-2.0
// Uses the page of a report as a reader does, behind its own script, and tells what came of it in the title and to
// the page that frames this one.

// Of several runs on the page, the first; its tiles filter its claims only.
const ofClaims = document.querySelector(".filters").closest("section");
const claims = all(".claim", ofClaims);
const shown = () => claims.filter((claim) => !claim.hidden).length;
const said = [];
const check = (what, isSo) => isSo || said.push(what);
try {
	check("all claims are shown", shown() === claims.length);
	const input = ofClaims.querySelector("input");
	const search = (words) => {
		input.value = words;
		input.dispatchEvent(new Event("input"));
	};
	search("tasklet");
	check("words filter claims", shown() > 0 && shown() < claims.length);
	search("no such words");
	check("words that nothing has leave nothing", shown() === 0);
	search("");
	document.querySelector(".tile.holds").click();
	check("and none of another run", all(".claim").every((claim) => claims.includes(claim) || !claim.hidden));
	check("a tile filters claims", shown() === all(".claim[data-verdict=holds]", ofClaims).length);

	const ofWays = document.querySelector("[data-choose=way]").closest("section");
	all("[data-choose=way] button", ofWays).at(-1).click();
	check("one time line is shown", all("figure.way", ofWays).filter((figure) => !figure.hidden).length === 1);
	ofWays.querySelector("figure.way:not([hidden]) .dot").dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
	check("a dot says its CPU", !tip.hidden && tip.textContent.includes("CPU"));

	const ofVictims = document.querySelector("[data-choose=victims]").closest("section");
	const victims = () => all("[data-group=victims]", ofVictims).filter((part) => !part.hidden).map((part) => part.dataset.name);
	check("the victims of one mechanism are shown", victims().length === 1);
	all("[data-choose=victims] button", ofVictims).at(-1).click();
	check("or those of another", victims().join() === all("[data-choose=victims] button", ofVictims).at(-1).dataset.name);
	check("with the worst event's way", ofVictims.querySelector("[data-group=victims]:not([hidden]) .events tr") !== null);

	const curves = document.querySelector(".curves"), box = curves.getBoundingClientRect();
	const point = (type, part) => curves.dispatchEvent(new PointerEvent(type, {
		bubbles: true, clientX: box.x + box.width * part, clientY: box.y + box.height / 2,
	}));
	point("pointermove", 0.5);
	check("a curve says its part", !tip.hidden && tip.textContent.includes("% within"));
	const button = curves.closest(".scroll").parentElement.querySelector(".hint button");
	const times = () => all("text.tick[text-anchor=middle]", curves).map((tick) => tick.textContent).join();
	const paths = () => all(".curve", curves).map((path) => path.getAttribute("d"));
	const [wholeTimes, wholePaths] = [times(), paths()];
	const timeAt = (part) => {
		point("pointermove", part);
		return tip.textContent.split("within ")[1];
	};
	const middle = timeAt(0.4);
	check("nothing is to be shown again", button.hidden);
	point("pointerdown", 0.3);
	point("pointermove", 0.4);
	check("what is chosen is shown", curves.querySelector(".chosen-times") !== null);
	point("pointermove", 0.5);
	point("pointerup", 0.5);
	check("a drag zooms in", !button.hidden && times() !== wholeTimes && paths().join() !== wholePaths.join());
	check("with two times at least", all("text.tick[text-anchor=middle]", curves).length >= 2);
	const [left, right] = [+curves.dataset.left, +curves.dataset.right].map((x) => x / 960);
	check("the middle stays the middle", timeAt((left + right) / 2) === middle);
	check("no curve leaves the plot", paths().every((path) => (path.match(/(?<=[HM])[\d.]+/g) ?? [])
		.every((x) => x / 960 >= left - 0.001 && x / 960 <= right + 0.001)));
	button.click();
	check("a click shows all again", button.hidden && times() === wholeTimes && paths().length === wholePaths.length);
	point("pointerdown", 0.3);
	point("pointerup", 0.3);
	check("a click zooms not", button.hidden && times() === wholeTimes);
	check("the page is as wide as the window", document.documentElement.scrollWidth <= innerWidth);
} catch (error) {
	said.push(String(error));
}
document.title = said.length ? `wrong: ${said.join("; ")}` : "all of it works";
parent.postMessage(document.title, "*");

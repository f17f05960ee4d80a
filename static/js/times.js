// Times: relative times, and the viewer's time zone for times that the server renders.

import { onContent } from "./content.js";

const ages = (numeric) => new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric, style: "short" });
const [now, ago] = [ages("auto").format(0, "second"), ages("always")];
const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function showAges() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    // Round to 5 s, so that the times in a list of recent items do not change every second.
    const seconds = Math.min(0, Math.round((Date.parse(time.dateTime) - Date.now()) / 5000) * 5);
    const [unit, length] = UNITS.find(([, size]) => -seconds >= size) ?? UNITS.at(-1);
    const age = ago.format(Math.ceil(seconds / length), unit).replace(".", "");
    // In Chinese, put a space after the number, as the server does.
    time.textContent = seconds ? age.replace(/(\d)(?=\p{Script=Han})/u, "$1 ") : now;
  }
}

// Every page sets the cookie, so that it follows a user who travels.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const { timeZoneCookie } = document.body.dataset;
if (zone) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${timeZoneCookie}=${zone}; path=/; max-age=${365 * 24 * 3600}; samesite=lax${secure}`;
}

setInterval(showAges, 5000);
onContent(showAges);

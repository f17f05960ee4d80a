// Judges what the user types, once the form has been submitted: the server renders the rules beside the errors.
// An error disappears as soon as the text is right, and stays while it is wrong.

import { isComposing } from "./keys.js";

// Each function returns what is wrong with the value by one kind of rule: the parameters of its message, or null.
const KINDS = {
  required: (_, value) => (value === "" ? {} : null),
  wrong: (expression, value) => {
    const found = value.match(new RegExp(expression, "gsu"));
    return found && { length: [...value].length, found: visible([...new Set(found)].join(" ")) };
  },
  number: ([least, most], value) => {
    const number = /^\s*[+-]?[0-9]+\s*$/.test(value) ? Number(value) : NaN;
    return number >= least && number <= most ? null : {};
  },
  like: (name, value, form) => (form.elements[name].value === value ? null : {}),
};

// Shows invisible characters as the server does.
const visible = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
  const code = character.codePointAt(0).toString(16);
  if (character === "\t") return "\\t";
  return code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
});

function faults(rules, field) {
  const { value, form } = field;
  return rules.flatMap(({ say, ...rule }) => {
    const [[kind, given]] = Object.entries(rule);
    if (value === "" && !["required", "like"].includes(kind)) return [];
    const found = KINDS[kind](given, value, form);
    return found ? [say.replace(/\{(\w+)\}/g, (_, name) => found[name])] : [];
  });
}

function show(field, list, messages) {
  const shown = [...list.querySelectorAll("span")].map((span) => span.textContent);
  if (shown.join("\n") !== messages.join("\n")) {
    // Screen readers read an error that appears while the user types.
    list.ariaLive = "polite";
    list.replaceChildren(...messages.map((message) => {
      const item = document.getElementById("error").content.cloneNode(true);
      item.querySelector("span").textContent = message;
      return item;
    }));
  }
  if (!messages.length) return field.removeAttribute("aria-invalid");
  field.ariaInvalid = "true";
  const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
  if (!described.includes(list.id)) field.setAttribute("aria-describedby", [...described, list.id].join(" "));
}

function judge(box) {
  const list = box.querySelector("[data-errors]");
  // Several boxes to tick have their errors on each of them.
  const fields = [...box.querySelectorAll("input:not([type=hidden]), select, textarea")];
  const text = !fields[0]?.matches("[type=checkbox], [type=radio]");
  const messages = text ? faults(JSON.parse(box.dataset.rules), fields[0]) : [];
  for (const field of fields) show(field, list, messages);
}

function judgeFor({ target }) {
  const box = target.closest?.("[data-rules]");
  if (!box) return;
  judge(box);
  // A field that must be like this one, if it has been filled in.
  for (const other of target.form?.querySelectorAll("[data-rules*='\"like\"']") ?? []) {
    if (other !== box && other.querySelector("input").value) judge(other);
  }
}

for (const name of ["input", "change", "compositionend"]) {
  document.addEventListener(name, (event) => isComposing(event) || judgeFor(event));
}

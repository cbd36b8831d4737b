"use strict";
// Elements are made here and nowhere else. Foreign words become text of elements, never markup.

function make(tag, about, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(about || {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== ""));
  return element;
}

function link(url, ...children) {
  if (!/^https:\/\//.test(url)) return make("span", {}, ...children);
  return make("a", { href: url, rel: "noreferrer" }, ...children);
}

function unseen(text) {
  return make("span", { class: "unseen" }, text);
}

function number(value) {
  return value.toLocaleString("en");
}

function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

// The first of many, and a button that shows more of them.
function first(items, most, render, parent) {
  let shown = 0;
  const button = make("button", { type: "button", class: "more", click: () => show(200) });
  function show(more) {
    const until = Math.min(items.length, shown + more);
    for (; shown < until; shown++) parent.append(render(items[shown]));
    const left = items.length - shown;
    button.textContent = `Show ${number(Math.min(200, left))} more of ${number(left)}`;
    button.dataset.left = number(left); // what paper says instead
    button.hidden = left === 0;
  }
  show(most);
  return [parent, button];
}

function copying(text) {
  const button = make("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      done = copiedByHand(button);
    }
    button.textContent = done ? "Copied" : "Select it";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

// Where a page from a file may not reach the clipboard.
function copiedByHand(button) {
  const range = document.createRange();
  range.selectNodeContents(button.parentElement.querySelector("pre"));
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  return document.execCommand("copy");
}

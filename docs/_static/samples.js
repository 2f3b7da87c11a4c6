// The choice of spelling holds for all samples, and for the next visit. Code can be copied.
"use strict";

(() => {
  const CHOICES = {
    language: { python: "Python", php: "PHP", both: "both 对照" },
    mode: { sync: "同步 sync", async: "异步 async" },
    style: { pure: "纯链式", declarative: "声明式", item: "属性式" },
  };
  const root = document.documentElement;

  const remembered = (name) => {
    try {
      return localStorage.getItem(`sample-${name}`);
    } catch {
      return null;
    }
  };
  const choose = (name, value) => {
    root.dataset[name] = value;
    for (const button of document.querySelectorAll(`[data-choice="${name}"]`)) {
      button.setAttribute("aria-pressed", String(button.value === value));
    }
  };
  for (const [name, values] of Object.entries(CHOICES)) {
    const value = remembered(name);
    root.dataset[name] = value in values ? value : Object.keys(values)[0];
  }

  const toolbar = () => {
    const made = document.createElement("div");
    made.className = "spellings";
    for (const [name, values] of Object.entries(CHOICES)) {
      const group = document.createElement("span");
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", name);
      for (const [value, label] of Object.entries(values)) {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", value, textContent: label });
        button.dataset.choice = name;
        button.setAttribute("aria-pressed", String(root.dataset[name] === value));
        group.append(button);
      }
      made.append(group);
    }
    return made;
  };

  const copyButton = () => {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "copy", textContent: "copy" });
    return made;
  };
  const copy = async (button) => {
    // What is not shown is not copied.
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").innerText);
    button.textContent = "copied";
    setTimeout(() => (button.textContent = "copy"), 1500);
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const samples of document.querySelectorAll(".samples")) samples.prepend(toolbar());
    for (const block of document.querySelectorAll(".highlight")) block.append(copyButton());
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.matches(".copy")) copy(button);
      if (!button?.dataset.choice) return;
      // The sample that was clicked stays where it is, whatever becomes longer above.
      const before = button.getBoundingClientRect().top;
      choose(button.dataset.choice, button.value);
      window.scrollBy({ top: button.getBoundingClientRect().top - before, behavior: "instant" });
      try {
        localStorage.setItem(`sample-${button.dataset.choice}`, button.value);
      } catch {
        // Without storage the choice holds for this page.
      }
    });
  });
})();

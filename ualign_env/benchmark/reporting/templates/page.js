"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const sections = [...document.querySelectorAll("main > section")];
  const links = [...document.querySelectorAll("nav a")];
  const show = (id) => {
    const chosen = sections.some((one) => one.id === id) ? id : sections[0].id;
    for (const one of sections) one.classList.toggle("hidden", one.id !== chosen);
    for (const one of links) {
      if (one.hash === "#" + chosen) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
    }
  };
  if (sections.length) {
    addEventListener("hashchange", () => show(location.hash.slice(1)));
    show(location.hash.slice(1));
  }
  const value = (cell) => {
    const text = cell.textContent.trim();
    const number = parseFloat(text.replace(/,/g, ""));
    return text === "" ? Infinity : Number.isNaN(number) ? text : number;
  };
  for (const table of document.querySelectorAll("table.sorts")) {
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows];
        const keys = new Map(rows.map((row) => [row, value(row.cells[column])]));
        rows.sort((one, other) => {
          const [a, b] = [keys.get(one), keys.get(other)];
          if (a === b) return 0;
          if (a === Infinity) return 1;
          if (b === Infinity) return -1;
          const order = typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === "number" ? -1 : 1;
          return up ? order : -order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
})();

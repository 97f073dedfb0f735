"use strict";
// The page is readable without this script; it lets one sort and search the tables.
(() => {
  const FEW = 8; // rows that are seen at a glance need no search

  // what is absent stands last whichever way a column is sorted
  function order(a, b, down) {
    if (a === null || b === null) return (a === null) - (b === null);
    const found = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
    return down ? -found : found;
  }

  function value(cell) {
    if (cell.dataset.value !== undefined) return cell.dataset.value === "" ? null : Number(cell.dataset.value);
    return cell.textContent.trim() || null;
  }

  function sortable(table, rows) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, at) => {
      const sort = () => {
        const number = head.classList.contains("number");
        const down = head.ariaSort ? head.ariaSort === "ascending" : number; // large numbers are looked for first
        heads.forEach((each) => { each.ariaSort = null; });
        head.ariaSort = down ? "descending" : "ascending";
        const keys = new Map(rows.map((row) => [row, value(row.cells[at])]));
        table.tBodies[0].append(...rows.toSorted((a, b) => order(keys.get(a), keys.get(b), down)));
      };
      head.tabIndex = 0;
      head.classList.add("sorts");
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sort();
      });
    });
  }

  function searchable(box, rows) {
    const field = document.createElement("input");
    field.type = "search";
    field.className = "search";
    field.placeholder = "Search these rows";
    field.ariaLabel = "Search: " + (box.ariaLabel || "table");
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !(row.textContent + (row.cells[0].title || "")).toLowerCase().includes(wanted);
    });
    box.before(field);
  }

  for (const box of document.querySelectorAll(".scroll")) {
    const table = box.querySelector("table");
    const rows = table ? [...table.tBodies[0].rows] : [];
    if (rows.length < 2 || rows.some((row) => row.classList.contains("sum"))) continue;
    sortable(table, rows);
    if (rows.length > FEW) searchable(box, rows);
  }
})();

"use strict";
// Filter, sort and save the leaderboard. A row is [dataset, region, metric, model id, values to sort by, cells to show,
// cells to save].
(() => {
  const rows = JSON.parse(document.getElementById("rows").textContent);
  const form = document.getElementById("controls");
  const body = document.querySelector("#board tbody");
  const heads = [...document.querySelectorAll("#board thead th")];
  const shown = document.getElementById("shown");
  const training = heads.findIndex((head) => head.classList.contains("c-training"));
  const order = { column: 0, sign: 1 };

  // Regions and scores differ between datasets: offer only those that the choice so far leaves.
  function narrow() {
    const fits = [];
    ["dataset", "region", "metric"].forEach((name, level) => {
      const select = form.elements[name];
      const left = new Set(rows.filter((row) => fits.every((value, i) => row[i] === value)).map((row) => row[level]));
      for (const option of select.options) option.hidden = option.disabled = !left.has(option.value);
      if (!left.has(select.value)) select.value = [...left][0];
      fits.push(select.value);
    });
    return fits;
  }

  function compare(a, b) {
    const x = a[4][order.column], y = b[4][order.column];
    if (x === null || y === null) return (x === null) - (y === null); // empty values come last in both directions
    const sign = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
    return order.sign * sign || a[4][0] - b[4][0];
  }

  function chosen() {
    const fits = narrow();
    const words = form.elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const board = rows.filter((row) => fits.every((value, i) => row[i] === value));
    const weights = form.elements.training.value;
    const found = board.filter((row) => {
      const text = (row[3] + " " + row[5].join(" ")).toLowerCase();
      return (!weights || row[4][training] === weights) && words.every((word) => text.includes(word));
    });
    return [found.sort(compare), board.length];
  }

  function draw() {
    const [found, total] = chosen();
    body.replaceChildren(...found.map((row) => {
      const line = document.createElement("tr");
      row[5].forEach((text, i) => {
        const name = heads[i].classList.contains("c-display_name");
        const cell = document.createElement(name ? "th" : "td");
        cell.className = heads[i].className;
        if (name) { cell.scope = "row"; cell.title = row[3]; }
        cell.textContent = text;
        line.append(cell);
      });
      return line;
    }));
    shown.textContent = found.length ? `${found.length} of ${total} models` : "No model fits. Clear the search or the filters.";
  }

  function sort(column) {
    const same = order.column === column;
    // Scores are read from the top down, so numbers other than the rank start with the highest.
    order.sign = same ? -order.sign : heads[column].dataset.kind === "number" && column > 0 ? -1 : 1;
    order.column = column;
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    draw();
  }

  function save() {
    const quote = (cell) => typeof cell === "number" ? cell : cell === null ? "" : `"${cell.replaceAll('"', '""')}"`;
    const names = ["dataset", "region", "metric", "model", ...JSON.parse(document.getElementById("downloaded").textContent)];
    const lines = chosen()[0].map((row) => [...row.slice(0, 4), ...row[6]]);
    const text = [names, ...lines].map((line) => line.map(quote).join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "leaderboard.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  heads.forEach((head, i) => {
    const button = head.querySelector("button");
    button.disabled = false;
    button.addEventListener("click", () => sort(i));
  });
  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("download").addEventListener("click", save);
  form.hidden = false;
  draw();
})();

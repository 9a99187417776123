"use strict";
(() => {
  const body = document.querySelector("#runs tbody");
  const rows = [...body.querySelectorAll("tr")];
  const get = (id) => document.getElementById(id);
  const words = (row, name) => (row.dataset[name] || "").split(" ").filter(Boolean);

  const fill = (select, values) => {
    for (const value of [...new Set(values)].sort()) {
      const option = document.createElement("option");
      option.value = option.textContent = value;
      select.append(option);
    }
  };
  fill(get("site"), rows.map((row) => row.dataset.site));
  fill(get("kind"), rows.map((row) => row.dataset.kind));
  fill(get("phase"), rows.flatMap((row) => words(row, "phases").map((it) => it.split(":")[0])));
  fill(get("status"), rows.flatMap((row) => [row.dataset.status,
    ...words(row, "phases").map((it) => it.split(":")[1])]));
  fill(get("finding"), rows.flatMap((row) => words(row, "findings")));

  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const fits = (row) => {
    const want = (id) => get(id).value;
    const phases = words(row, "phases");
    const ended = phases.filter((it) => !want("phase") || it.startsWith(want("phase") + ":"));
    const day = row.dataset.started.slice(0, 10);
    return (!want("site") || row.dataset.site === want("site"))
      && (!want("kind") || row.dataset.kind === want("kind"))
      && (!want("phase") || ended.length > 0)
      && (!want("status") || (!want("phase") && row.dataset.status === want("status"))
        || ended.some((it) => it.endsWith(":" + want("status"))))
      && (!want("finding") || words(row, "findings").includes(want("finding")))
      && (!want("from") || day >= want("from"))
      && (!want("to") || day <= want("to"))
      && want("search").toLowerCase().split(/\s+/).every((it) => texts.get(row).includes(it));
  };
  const filter = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !fits(row);
      shown += row.hidden ? 0 : 1;
    }
    get("shown").textContent = `${shown} of ${rows.length} runs`;
  };
  for (const field of get("tools").querySelectorAll("input, select")) {
    field.addEventListener("input", filter);
  }
  get("tools").hidden = false;
  filter();

  // Two runs side by side. What is compared is in a file beside each run, since a page that was
  // opened from a disk may load scripts, but may not read files.
  const loaded = new Map();
  window.kuryrRun = (what) => loaded.set(document.currentScript.dataset.run, what);
  const load = (run, path) => new Promise((done, failed) => {
    if (loaded.has(run)) { done(loaded.get(run)); return; }
    const script = document.createElement("script");
    script.dataset.run = run;
    script.src = path;
    script.onload = () => done(loaded.get(run));
    script.onerror = () => failed(new Error(run));
    document.head.append(script);
  });
  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };
  const tableOf = (subject, names, changes) => {
    const details = element("details", "");
    details.open = changes.length <= 20;
    details.append(element("summary", `${subject}: ${changes.length}`));
    const table = element("table", "");
    table.className = "cards";
    const head = table.createTHead().insertRow();
    head.append(...["what", ...names].map((name) => element("th", name)));
    const inner = table.createTBody();
    for (const cells of changes) {
      const row = inner.insertRow();
      cells.forEach((text, at) => {
        const cell = element(at ? "td" : "th", text);
        if (at) { cell.className = "wide"; cell.dataset.name = names[at - 1]; }
        row.append(cell);
      });
    }
    details.append(table);
    return details;
  };
  const compare = async (chosen) => {
    const target = get("compared");
    target.replaceChildren();
    const names = chosen.map((row) => decodeURIComponent(row.dataset.path));
    target.append(element("h2", `${names[0]} and ${names[1]}`));
    try {
      const [before, after] = await Promise.all(chosen.map(
        (row) => load(row.dataset.path, `${row.dataset.path}/compare.js`)));
      let differ = false;
      for (const subject of Object.keys(before)) {
        const old = before[subject], now = after[subject];
        const changes = [...new Set([...Object.keys(old), ...Object.keys(now)])]
          .map((key) => [key, old[key] ?? "absent", now[key] ?? "absent"])
          .filter(([, one, other]) => one !== other);
        if (changes.length) { target.append(tableOf(subject, names, changes)); differ = true; }
      }
      if (!differ) { target.append(element("p", "They do not differ.")); }
    } catch (error) {
      target.append(element("p", `${error.message} cannot be compared here: it was recorded by an `
        + "older runbook, or is not here. Use: kuryr-runbook records diff RUN RUN"));
    }
    target.scrollIntoView();
  };
  const boxes = [];
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.closest("tr"));
  for (const row of rows) {
    const label = element("label", "");
    const box = element("input", "");
    box.type = "checkbox";
    box.setAttribute("aria-label", `compare ${row.dataset.run}`);
    box.addEventListener("change", () => {
      get("compare").disabled = chosen().length !== 2;
      get("hint").textContent = chosen().length > 2 ? "choose two runs" : "";
    });
    label.append(box, " ");
    row.cells[0].prepend(label);
    boxes.push(box);
  }
  // The list has the newest first; the older of the two is on the left.
  get("compare").addEventListener("click", () => compare(chosen().reverse()));
})();

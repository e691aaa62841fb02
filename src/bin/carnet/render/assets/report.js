"use strict";
// Sorts, searches and folds. The page says the same without it. Every text is set as text, never as markup.
(() => {
const FIRST = 50, STEP = 200, TREE_STEP = 400, HITS = 500;
document.documentElement.classList.add("js");

const make = (name, text, classes) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (classes) element.className = classes;
  return element;
};
// 1.9 comes before 1.10.
const natural = new Intl.Collator("en", { numeric: true });
const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

// Returns the text of an island: base64 of a zlib stream.
const island = async (id) => {
  const element = document.querySelector(`script[data-island="${id}"]`);
  const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
};

// A cell of an island: a text, or [text, class, second line, link, number].
const cellOf = (data) => {
  const [text, classes = "", sub = "", link = "", value = null] = Array.isArray(data) ? data : [data];
  return { text, classes, sub, link, value };
};
const rowOf = (row) => {
  const tr = make("tr");
  for (const cell of row.cells) {
    const td = make("td", undefined, cell.classes);
    const inner = make(cell.link ? "a" : "b", cell.text);
    if (cell.link) inner.setAttribute("href", "#" + cell.link);
    td.append(inner);
    if (cell.sub) td.append(make("small", cell.sub));
    tr.append(td);
  }
  return tr;
};

const grid = (section) => {
  const id = section.dataset.grid, body = section.querySelector("tbody"), scroll = section.querySelector(".scroll");
  const large = section.querySelector("script[data-island]");
  const heads = [...section.querySelectorAll("th")];
  let rows = null, shown = [], limit = STEP, column = -1, down = false;
  const load = async () => {
    if (rows) return;
    if (large) {
      const text = await island(id);
      rows = text.split("\n").map((line, at) => ({ at, cells: JSON.parse(line).map(cellOf) }));
    } else {
      rows = [...body.rows].map((tr, at) => ({ at, tr, cells: [...tr.cells].map((td) => ({
        text: td.firstElementChild.textContent, sub: td.children[1] ? td.children[1].textContent : "",
        value: td.dataset.n === undefined ? null : Number(td.dataset.n) })) }));
    }
    for (const row of rows) row.words = row.cells.map((c) => c.text + " " + c.sub).join(" ").toLowerCase();
  };
  const total = large ? Number(large.dataset.rows) : body.rows.length;
  if (total < 2) return;
  const tools = make("div", undefined, "tools"), label = make("label", "Search: " + section.querySelector("h2,h3").textContent, "vh");
  const search = make("input"), said = make("output");
  search.type = "search"; search.id = id + "-search"; search.placeholder = "Search"; label.htmlFor = search.id;
  const more = make("button", "", "more"); more.type = "button"; more.hidden = true;
  const draw = () => {
    const part = shown.slice(0, limit);
    body.replaceChildren(...part.map((row) => row.tr || (row.tr = rowOf(row))));
    more.hidden = part.length === shown.length;
    more.textContent = `Show ${number(Math.min(STEP, shown.length - part.length))} more of ${number(shown.length)}`;
    said.textContent = shown.length === rows.length ? `${number(rows.length)} rows` : `${number(shown.length)} of ${number(rows.length)} rows`;
  };
  const choose = async () => {
    await load();
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = rows.filter((row) => words.every((word) => row.words.includes(word)));
    if (column >= 0) {
      const side = down ? -1 : 1;
      shown.sort((a, b) => {
        const x = a.cells[column], y = b.cells[column];
        const order = x.value !== null && y.value !== null ? x.value - y.value
          : natural.compare(x.text, y.text);
        return order * side || a.at - b.at;
      });
    }
    limit = FIRST;
    draw();
  };
  heads.forEach((th, at) => {
    const button = make("button", th.textContent); button.type = "button";
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      // Numbers and severities start with the largest.
      const first = th.classList.contains("num") || th.textContent === "Severity";
      down = column === at ? !down : first;
      column = at;
      for (const other of heads) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      choose();
    });
  });
  search.addEventListener("input", choose);
  more.addEventListener("click", () => { limit += STEP; draw(); });
  if (total > 12) { tools.append(label, search, said); scroll.before(tools); said.textContent = `${number(total)} rows`; }
  scroll.after(more);
  if (large) {
    more.hidden = false;
    more.textContent = `Show more of ${number(total)}`;
    more.addEventListener("click", choose, { once: true });
  } else if (total > FIRST) {
    choose();
    // Paper has no button.
    window.addEventListener("beforeprint", () => { limit = Infinity; draw(); });
  }
};
for (const section of document.querySelectorAll("[data-grid]")) grid(section);

// The file tree.
const KINDS = { d: "folder", "-": "file", l: "symlink", h: "hardlink", b: "device", p: "fifo" };
const parse = (text) => {
  const roots = [], names = [], layers = [];
  let root = null, parts = [], start = 0;
  while (start < text.length) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const f = text.slice(start, end).split("\t");
    start = end + 1;
    if (f[0] === "=") { names.push(f[1]); continue; }
    if (f[0] === "+") { layers.push({ hex: f[1], short: f[2] }); continue; }
    if (f[0] === "@") {
      root = roots[f[1]] || (roots[f[1]] = { name: names[f[1]], children: new Map(), rows: [] });
      parts = [];
      continue;
    }
    parts = parts.slice(0, Number(f[0])).concat(f[1].split("/"));
    let node = root;
    for (const part of parts) {
      if (!node.children) node.children = new Map();
      let child = node.children.get(part);
      if (!child) { child = { name: part }; node.children.set(part, child); }
      node = child;
    }
    Object.assign(node, { kind: f[2], mode: f[3], owner: f[4], size: Number(f[5]), layer: Number(f[6]), target: f[7] });
    root.rows.push({ node, path: parts.join("/") });
  }
  const sum = (node) => {
    node.bytes = node.size || 0; node.count = 0;
    if (!node.children) return;
    const stack = [[node, [...node.children.values()], 0]];
    while (stack.length) {
      const top = stack[stack.length - 1], child = top[1][top[2]++];
      if (!child) {
        stack.pop();
        if (stack.length) { const up = stack[stack.length - 1][0]; up.bytes += top[0].bytes; up.count += top[0].count; }
        continue;
      }
      child.bytes = child.size || 0; child.count = 0; top[0].count += 1;
      if (child.children) stack.push([child, [...child.children.values()], 0]);
      else top[0].bytes += child.bytes;
    }
  };
  roots.forEach(sum);
  return { roots, layers };
};
const size = (n) => {
  if (n < 1024) return n + " B";
  let at = -1;
  do { n /= 1024; at += 1; } while (n >= 1024 && at < 4);
  return n.toFixed(2) + " " + ["KiB", "MiB", "GiB", "TiB", "PiB"][at];
};
const bits = (kind, mode) => {
  const n = parseInt(mode || "0", 8);
  let out = kind || "d";
  for (const shift of [6, 3, 0]) {
    const b = (n >> shift) & 7, special = (n >> 9) & (shift === 6 ? 4 : shift === 3 ? 2 : 1);
    out += (b & 4 ? "r" : "-") + (b & 2 ? "w" : "-");
    const letter = shift ? "s" : "t";
    out += special ? (b & 1 ? letter : letter.toUpperCase()) : b & 1 ? "x" : "-";
  }
  return out;
};
const tree = async (host) => {
  const { roots, layers } = parse(await island("tree"));
  let order = "name", root = roots[0];
  const line = (node, path) => {
    const out = [], name = make("span", path === undefined ? node.name : path, "name");
    if (node.target) name.append(make("span", " → " + node.target, "note"));
    const mode = make("span", node.mode === undefined ? "" : bits(node.kind, node.mode), "mode");
    if (node.kind !== "d" && parseInt(node.mode || "0", 8) & 0o6000) mode.classList.add("flagged");
    out.push(name, mode, make("span", node.owner || "", "mode"));
    out.push(make("span", node.kind === "l" ? "" : size(node.children ? node.bytes : node.size || 0), "num"));
    const layer = layers[node.layer], last = make("span", undefined, "mode");
    if (layer) { const a = make("a", layer.short); a.setAttribute("href", "#l-" + layer.hex); last.append(a); }
    out.push(last);
    return out;
  };
  const fill = (box, node) => {
    const list = [...node.children.values()];
    list.sort(order === "size" ? (a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1)
      : (a, b) => (!a.children - !b.children) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    let at = 0;
    const add = () => {
      for (const child of list.slice(at, at + TREE_STEP)) {
        if (child.children || child.kind === "d") {
          const details = make("details", undefined, "folder"), summary = make("summary"), inside = make("div", undefined, "inside");
          summary.append(...line(child));
          summary.firstChild.append(make("span", child.count ? ` ${number(child.count)}` : " empty", "note"));
          details.append(summary, inside);
          details.addEventListener("toggle", () => { if (details.open && !inside.firstChild && child.children) fill(inside, child); });
          box.append(details);
        } else {
          const leaf = make("div", undefined, "leaf");
          leaf.append(...line(child));
          box.append(leaf);
        }
      }
      at += TREE_STEP;
      if (at < list.length) {
        const more = make("button", `Show more of ${number(list.length)}`, "more"); more.type = "button";
        more.addEventListener("click", () => { more.remove(); add(); });
        box.append(more);
      }
    };
    add();
  };
  const tools = make("div", undefined, "tools"), label = make("label", "Search paths", "vh"), search = make("input");
  search.type = "search"; search.id = "tree-search"; search.placeholder = "Search paths"; label.htmlFor = search.id;
  const said = make("output"), view = make("div");
  const pick = (id, words, values, set) => {
    const label = make("label", words, "vh"), select = make("select");
    select.id = id; label.htmlFor = id;
    values.forEach(([value, text]) => { const o = make("option", text); o.value = value; select.append(o); });
    select.addEventListener("change", () => { set(select.value); show(); });
    tools.append(label, select);
  };
  const show = () => {
    view.replaceChildren();
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) {
      said.textContent = `${number(root.rows.length)} entries, ${size(root.bytes)}`;
      fill(view, root);
      return;
    }
    let hits = 0;
    for (const row of root.rows) {
      const path = row.lower || (row.lower = row.path.toLowerCase());
      if (!words.every((word) => path.includes(word))) continue;
      hits += 1;
      if (hits > HITS) continue;
      const leaf = make("div", undefined, "leaf");
      leaf.append(...line(row.node, row.path));
      view.append(leaf);
    }
    said.textContent = `${number(hits)} of ${number(root.rows.length)} entries` + (hits > HITS ? `, the first ${HITS} shown` : "");
  };
  if (roots.length > 1) pick("tree-image", "Image", roots.map((r, at) => [at, r.name]), (at) => { root = roots[at]; });
  tools.append(label, search);
  pick("tree-order", "Order", [["name", "by name"], ["size", "by size"]], (value) => { order = value; });
  tools.append(said);
  search.addEventListener("input", show);
  const head = make("div", undefined, "leaf tree-head");
  for (const title of ["Name", "Mode", "Owner", "Size", "Layer"]) head.append(make("span", title, title === "Size" ? "num" : ""));
  host.append(tools, head, view);
  host.hidden = false;
  show();
};
const host = document.getElementById("tree");
if (host) {
  // The tree is made when it comes into view, so that a page with many files opens at once.
  host.hidden = false;
  const begin = () => { watch.disconnect(); tree(host); };
  const watch = new IntersectionObserver((seen) => { if (seen.some((s) => s.isIntersecting)) begin(); }, { rootMargin: "600px" });
  watch.observe(host);
}
})();

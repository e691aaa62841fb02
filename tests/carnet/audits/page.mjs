// Opens the page of an audit in a browser, uses it, and prints what was seen as JSON.
// node page.mjs PAGE PDF MODULES CHROMIUM
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , page, pdf, modules, executablePath] = process.argv;
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const { HtmlValidate } = require("html-validate");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const url = pathToFileURL(page).href;
const seen = { requests: [], reports: [], errors: [], axe: [], html: [] };

// The page as it is written follows all rules; what a browser writes of it, those of the standard and of accessibility.
const all = ["html-validate:recommended"], standard = ["html-validate:standard", "html-validate:a11y"];
const faults = async (text, rules) => {
  const checker = new HtmlValidate({
    root: true,
    extends: rules,
    rules: {
      "doctype-style": "off",
      // Tables scroll in a region that the keyboard reaches. A section would need a heading of its own.
      "prefer-native-element": ["error", { exclude: ["region"] }],
    },
  });
  const { results } = await checker.validateString(text);
  return results.flatMap((result) => result.messages).map((m) => `${m.line}:${m.column} ${m.ruleId}: ${m.message} (${m.selector})`);
};
const written = readFileSync(page, "utf8");
seen.html.push(...(await faults(written, all)));
// The checker does tell.
seen.broken = (await faults(written.replace("</main>", "</main></p><img src=x>"), standard)).length > 0;

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const open = async (options) => {
  const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, ...options });
  const tab = await context.newPage();
  tab.on("request", (request) => seen.requests.push(request.url()));
  tab.on("console", (message) => seen.errors.push(message.text()));
  tab.on("pageerror", (error) => seen.errors.push(error.message));
  tab.on("dialog", (dialog) => { seen.errors.push(dialog.message()); dialog.dismiss(); });
  if (options.javaScriptEnabled !== false) {
    await tab.addInitScript(() => {
      window.reports = [];
      document.addEventListener("securitypolicyviolation", (event) => window.reports.push(event.violatedDirective));
    });
  }
  await tab.goto(url);
  return tab;
};
const titles = (tab) => tab.locator("main h2:visible").allInnerTexts();

// Without script.
{
  const tab = await open({ javaScriptEnabled: false });
  seen.scriptless = { titles: await titles(tab), text: await tab.locator("main").innerText(), inputs: await tab.locator("input").count() };
  await tab.context().close();
}

// Only with the keyboard: whatever is used can be reached with the Tab key, and works with Enter.
{
  const tab = await open({});
  const press = (key) => tab.keyboard.press(key);
  const reach = async (selector) => {
    for (let count = 0; count < 3000; count += 1) {
      await press("Tab");
      if (await tab.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return true;
    }
    return false;
  };
  const keyboard = {};
  await press("Tab");
  await press("Enter");
  keyboard.skipped = await tab.evaluate(() => location.hash);
  await tab.locator("#files").scrollIntoViewIfNeeded();
  await tab.locator("#tree .folder").first().waitFor();
  await tab.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });

  const list = '[data-grid="package-list"]';
  const grid = tab.locator(list);
  keyboard.search = await reach(`${list} input`);
  await tab.keyboard.type("zlib");
  await grid.locator("tbody tr:nth-child(2)").waitFor({ state: "detached" });
  keyboard.searched = await grid.locator("tbody tr td:first-child :is(a, b)").allInnerTexts();
  await press("Control+A");
  await press("Delete");
  keyboard.sort = await reach(`${list} th:nth-child(2) button`);
  await press("Enter");
  keyboard.order = await grid.locator("th").nth(1).getAttribute("aria-sort");
  await press("Enter");
  keyboard.again = await grid.locator("th").nth(1).getAttribute("aria-sort");

  keyboard.tree = await reach("#tree-search");
  await tab.keyboard.type("odd");
  await tab.locator("#tree .leaf:not(.tree-head) .name").first().waitFor();
  keyboard.found = (await tab.locator("#tree .leaf:not(.tree-head) .name").allInnerTexts()).length;
  await press("Control+A");
  await press("Delete");
  keyboard.folder = await reach("#tree .folder summary");
  await press("Enter");
  keyboard.opened = await tab.evaluate(() => document.activeElement.parentElement.open === true);
  // The place of the keyboard is marked.
  keyboard.seen = await tab.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none");
  seen.keyboard = keyboard;
  await tab.context().close();
}

for (const colorScheme of ["light", "dark"]) {
  const tab = await open({ colorScheme });
  seen[colorScheme] = await tab.evaluate(() => getComputedStyle(document.body).backgroundColor);

  // Only the keyboard: the first key leads to the report.
  await tab.keyboard.press("Tab");
  seen.skip = await tab.evaluate(() => document.activeElement.getAttribute("href"));

  // The tree is made when it comes into view.
  await tab.locator("#files").scrollIntoViewIfNeeded();
  const folder = tab.locator("#tree .folder").first();
  await folder.waitFor();
  await folder.locator("summary").first().focus();
  seen.folded = await folder.locator(".leaf, .folder").count();
  await tab.keyboard.press("Enter");
  await folder.locator(".leaf, .folder").first().waitFor();
  seen.unfolded = await folder.locator(".leaf, .folder").count();
  await tab.fill("#tree-search", "odd");
  seen.found = await tab.locator("#tree .leaf:not(.tree-head) .name").allInnerTexts();
  seen.said = await tab.locator("#tree output").innerText();

  // A table: searched, and sorted by its second column both ways.
  const grid = tab.locator('[data-grid="package-list"]');
  const column = () => grid.locator("tbody tr td:nth-child(2) :is(a, b)").allInnerTexts();
  await grid.locator("th button").nth(1).click();
  seen.ascending = { order: await grid.locator("th").nth(1).getAttribute("aria-sort"), column: await column() };
  await grid.locator("th button").nth(1).click();
  seen.descending = { order: await grid.locator("th").nth(1).getAttribute("aria-sort"), column: await column() };
  await grid.locator("input").fill("zlib");
  seen.searched = await grid.locator("tbody tr td:first-child :is(a, b)").allInnerTexts();
  await grid.locator("input").fill("");

  // Nothing that a name says is markup or hidden.
  seen.hostile = await tab.evaluate(() => ({
    ran: window.ran === true,
    images: document.querySelectorAll("img, iframe, object, embed, link").length,
    scripts: document.querySelectorAll("script:not([type])").length,
    handlers: [...document.querySelectorAll("*")].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith("on")).length,
    hidden: /[\u202a-\u202e\u2066-\u2069\u0007]/.test(document.documentElement.textContent),
  }));

  // As the script made it, with open folders and rows that were found.
  seen.html.push(...(await faults(await tab.content(), standard)));

  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => window.axe.run());
  seen.axe.push(...violations.map((v) => `${colorScheme}: ${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" ")}`));
  seen.reports.push(...(await tab.evaluate(() => window.reports)));
  if (colorScheme === "light") {
    await tab.pdf({ path: pdf, preferCSSPageSize: true });
  }
  await tab.context().close();
}
await browser.close();
process.stdout.write(JSON.stringify(seen));

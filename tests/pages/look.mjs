// Opens pages in headless Chromium, in each width and scheme, and prints what is wrong with them as JSON: a list of
// {address, width, scheme, status, faults: [text], serious: [text], overflow: pixels, text: string, facts: value}.
//
//     node look.mjs < {"pages": [{"address": …, "facts": "an expression", "script": false, "keys": ["Tab"]}], "folder": "screenshots"}
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const SIZES = { phone: { width: 375, height: 812, isMobile: true, hasTouch: true }, desktop: { width: 1280, height: 900 } };
const SCHEMES = ["light", "dark"];
const PATIENCE = 60_000;

const order = JSON.parse(fs.readFileSync(0, "utf-8"));
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const seen = [];
try {
  for (const wanted of order.pages) {
    for (const width of wanted.widths ?? Object.keys(SIZES)) {
      for (const scheme of wanted.schemes ?? SCHEMES) {
        const page = await browser.newPage();
        const faults = [];
        page.on("console", said => ["error", "warn"].includes(said.type()) && faults.push(said.text()));
        page.on("pageerror", error => faults.push(String(error)));
        page.on("dialog", dialog => (faults.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
        page.on("requestfailed", request => faults.push(`failed: ${request.url()}`));
        await page.setViewport(SIZES[width]);
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
        if (wanted.script === false) await page.setJavaScriptEnabled(false);
        const answer = await page.goto(wanted.address, { waitUntil: "load", timeout: PATIENCE });
        if (wanted.media) await page.emulateMediaType(wanted.media);
        for (const key of wanted.keys ?? []) await page.keyboard.press(key);
        if (wanted.fill) {
          for (const [selector, text] of Object.entries(wanted.fill)) await page.type(selector, text);
          await Promise.all([page.waitForNavigation({ timeout: PATIENCE }), page.click(wanted.click)]);
        }
        if (wanted.type) {
          await page.type(wanted.type[0], wanted.type[1]);
          await page.waitForNetworkIdle({ idleTime: 600, timeout: PATIENCE });
        }
        const result = { address: wanted.address, width, scheme, status: answer.status(), faults };
        if (wanted.script !== false) {
          result.overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          result.facts = wanted.facts ? await page.evaluate(wanted.facts) : null;
          // The page's policy lets no script in but its own: axe comes in by the debugger.
          await page.evaluate(AXE);
          const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
          result.serious = found.violations
            .filter(rule => ["serious", "critical"].includes(rule.impact))
            .map(rule => `${rule.id}: ${rule.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(" / ")}`);
        }
        result.text = await page.evaluate(() => document.body.innerText).catch(() => "");
        if (order.folder) {
          const name = `${(wanted.name ?? "page").replace(/\W+/g, "-")}-${width}-${scheme}.png`;
          const [y, height] = wanted.clip ?? [0, 0];
          const part = height ? { clip: { x: 0, y, width: SIZES[width].width, height } } : { fullPage: true };
          await page.screenshot({ path: path.join(order.folder, name), ...part });
        }
        if (answer.status() >= 400) result.faults = faults.filter(text => !text.includes(`status of ${answer.status()}`));
        seen.push(result);
        await page.close();
      }
    }
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

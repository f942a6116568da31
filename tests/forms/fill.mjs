// Opens a form renderer in headless Chromium, fills every item of questionnaire.json, and prints as JSON
// {choices: {linkId: [labels]}, answers: {linkId: code}, requests: [[status, url]], errors: [text]}.
//
//     node fill.mjs lforms|smart http://127.0.0.1:8080/fhir/r4
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json" };
const PATIENCE = 60_000;
const TYPED = "ro";
const [renderer, server] = process.argv.slice(2);

function files() {
  const serving = http.createServer((request, response) => {
    const file = path.join(HERE, decodeURIComponent(new URL(request.url, "http://x").pathname));
    if (!file.startsWith(HERE) || !fs.existsSync(file) || !fs.statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    fs.createReadStream(file).pipe(response);
  });
  return new Promise(resolve => serving.listen(0, "127.0.0.1", () => resolve(serving)));
}

// How each renderer marks the input of an item, the choices that it offers and what was answered.
const RENDERERS = {
  lforms: {
    input: linkId => `input[id^="${linkId}/"]`,
    choices: "#lhc-tools-searchResults li, #completionOptions li, [id^=completionOptions] li, [id^=searchResults] li",
    answers: () => LForms.Util.getFormFHIRData("QuestionnaireResponse", "R4"),
  },
  smart: {
    input: linkId => `textarea[id="choice-${linkId}"], input[id="choice-${linkId}"]`,
    choices: "[role=listbox] [role=option]",
    answers: () => window.answers(),
  },
};

async function offered(page, how, linkId, typed) {
  const input = await page.waitForSelector(how.input(linkId), { timeout: PATIENCE });
  await input.scrollIntoView();
  await input.click();
  if (typed) await input.type(typed, { delay: 50 });
  else await input.press("ArrowDown");
  await page.waitForFunction(
    selector => [...document.querySelectorAll(selector)].some(node => node.offsetParent && node.innerText.trim()),
    { timeout: PATIENCE },
    how.choices,
  );
  await new Promise(resolve => setTimeout(resolve, 500));
  const labels = await page.$$eval(how.choices, nodes =>
    nodes.filter(node => node.offsetParent).map(node => node.innerText.trim()).filter(Boolean),
  );
  const choices = await page.$$(how.choices);
  for (const choice of choices) {
    if (await choice.evaluate(node => Boolean(node.offsetParent && node.innerText.trim()))) {
      await choice.click();
      await new Promise(resolve => setTimeout(resolve, 300));
      await page.keyboard.press("Tab"); // a field keeps its answer when it is left
      await new Promise(resolve => setTimeout(resolve, 500));
      break;
    }
  }
  return labels;
}

const serving = await files();
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const result = { choices: {}, answers: {}, requests: [], errors: [] };
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1200, height: 1600 });
  page.on("pageerror", error => result.errors.push(String(error)));
  page.on("response", response => {
    if (response.url().startsWith(server)) result.requests.push([response.status(), response.url()]);
  });
  const { port } = serving.address();
  await page.goto(`http://127.0.0.1:${port}/${renderer}.html?server=${encodeURIComponent(server)}`);
  await page.waitForFunction("document.body.dataset.ready || document.body.dataset.failed", { timeout: PATIENCE });
  const failed = await page.evaluate("document.body.dataset.failed");
  if (failed) result.errors.push(failed);
  const how = RENDERERS[renderer];
  try {
    for (const linkId of ["hierarchy", "versioned", "contained", "autocomplete"]) {
      result.choices[linkId] = await offered(page, how, linkId, linkId === "autocomplete" ? TYPED : "");
    }
    const response = await page.evaluate(how.answers);
    for (const item of response.item ?? []) result.answers[item.linkId] = item.answer?.[0]?.valueCoding;
  } catch (error) {
    result.errors.push(String(error));
    if (process.env.SCREENSHOT) {
      await page.screenshot({ path: process.env.SCREENSHOT });
      fs.writeFileSync(`${process.env.SCREENSHOT}.html`, await page.content());
    }
  }
} finally {
  await browser.close();
  serving.close();
}
console.log(JSON.stringify(result));

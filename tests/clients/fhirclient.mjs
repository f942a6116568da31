// The SMART JS client, as it runs on a server: request() with relative URLs, create(), patch(), the FHIR version.
import smart from "fhirclient";
import { ask, told } from "./ask.mjs";

const session = { get: async () => null, set: async () => null, unset: async () => true };
const request = { headers: { host: "127.0.0.1" }, url: "/", socket: {} };
const client = smart(request, {}, session).client(told.base);
const query = (given) => new URLSearchParams(given).toString();
const post = (url, body) =>
  client.request({ url, method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });

await ask({
  version: () => client.getFhirVersion(),
  release: () => client.getFhirRelease(),
  lookup: () => client.request(`CodeSystem/$lookup?${query({ system: told.cpt, code: "57520" })}`),
  lookupNotCarried: () => client.request(`CodeSystem/$lookup?${query({ system: told.cpt, code: "57521" })}`),
  lookupPost: () =>
    post("CodeSystem/$lookup", {
      resourceType: "Parameters",
      parameter: [{ name: "coding", valueCoding: { system: told.cpt, code: "57520" } }],
    }),
  translate: () =>
    client.request(
      `ConceptMap/$translate?${query({ system: told.local, code: "conization-loop-colposcopic", targetsystem: told.cpt })}`),
  read: () => client.request(`CodeSystem/${told.codeSystemId}`),
  search: () => client.request(`ConceptMap?${query({ url: told.map })}`),
  allPages: () => client.request("ConceptMap?_count=1", { pageLimit: 3, flat: true }),
  expand: () => client.request(`ValueSet/$expand?${query({ url: told.valueSet })}`),
  patch: () => client.patch(`CodeSystem/${told.codeSystemId}`, [{ op: "replace", path: "/status", value: "draft" }]),
  create: () => client.create({ resourceType: "CodeSystem", status: "draft", content: "complete" }),
});

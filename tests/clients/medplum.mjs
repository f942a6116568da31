// @medplum/core: get, post, search, paging, batch, valueSetExpand.
import { MedplumClient } from "@medplum/core";
import { ask, told } from "./ask.mjs";

const base = new URL(told.base);
const client = new MedplumClient({
  baseUrl: `${base.origin}/`,
  fhirUrlPath: base.pathname.slice(1),
  fetch: globalThis.fetch,
  cacheTime: 0,
});
const url = (path, query) => {
  const made = client.fhirUrl(...path.split("/"));
  for (const [name, value] of Object.entries(query ?? {})) made.searchParams.append(name, value);
  return made;
};
const entry = (target) => ({ request: { method: "GET", url: target } });

await ask({
  lookup: () => client.get(url("CodeSystem/$lookup", { system: told.cpt, code: "57520" })),
  lookupNotCarried: () => client.get(url("CodeSystem/$lookup", { system: told.cpt, code: "57521" })),
  lookupPost: () =>
    client.post(url("CodeSystem/$lookup"), {
      resourceType: "Parameters",
      parameter: [{ name: "coding", valueCoding: { system: told.cpt, code: "57520" } }],
    }),
  translate: () =>
    client.get(url("ConceptMap/$translate", {
      system: told.local, code: "conization-loop-colposcopic", targetsystem: told.cpt,
    })),
  read: () => client.readResource("CodeSystem", told.codeSystemId),
  readMissing: () => client.readResource("CodeSystem", "no-such-resource"),
  search: () => client.search("ConceptMap", { url: told.map }),
  searchOne: () => client.searchOne("CodeSystem", { url: told.cpt }),
  searchPages: async () => {
    const seen = [];
    for await (const page of client.searchResourcePages("ConceptMap", { _count: 1 })) {
      seen.push(page.length);
      if (seen.length === 3) break;
    }
    return seen;
  },
  batch: () =>
    client.executeBatch({
      resourceType: "Bundle",
      type: "batch",
      entry: [
        entry(`CodeSystem/$lookup?system=${told.cpt}&code=57520`),
        entry(`CodeSystem/$lookup?system=${told.cpt}&code=57521`),
      ],
    }),
  expand: () => client.valueSetExpand({ url: told.valueSet, filter: "con", count: 5 }),
  metadata: () => client.get(url("metadata")),
});

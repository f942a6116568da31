// fhir-kit-client: operations by POST and GET, search, read, batch, discovery, paging.
import { Client } from "fhir-kit-client";
import { ask, told } from "./ask.mjs";

const client = new Client({ baseUrl: told.base });
const code = (name, value) => ({ name, valueCode: value });
const uri = (name, value) => ({ name, valueUri: value });
const parameters = (...parameter) => ({ resourceType: "Parameters", parameter });
const entry = (url) => ({ request: { method: "GET", url } });
const lookup = (input, method) => client.operation({ name: "lookup", resourceType: "CodeSystem", method, input });
const translate = (input, method) => client.operation({ name: "translate", resourceType: "ConceptMap", method, input });
const loop = "conization-loop-colposcopic";

await ask({
  lookupPost: () => lookup(parameters(uri("system", told.cpt), code("code", "57520"))),
  lookupGet: () => lookup({ system: told.cpt, code: "57520", property: ["seeAlso", "technique"] }, "GET"),
  lookupPlainObject: () => lookup({ system: told.cpt, code: "57520" }),
  lookupNotCarried: () => lookup({ system: told.cpt, code: "57521" }, "GET"),
  lookupUnknownSystem: () => lookup({ system: "http://nowhere.example.org/none", code: "57520" }, "GET"),
  translatePost: () =>
    translate(parameters(code("code", loop), uri("system", told.local), uri("targetsystem", told.cpt))),
  translateGet: () => translate({ code: loop, system: told.local, targetsystem: told.cpt }, "GET"),
  translateR5: () =>
    translate(parameters(code("sourceCode", loop), uri("system", told.local), uri("targetSystem", told.cpt))),
  read: () => client.read({ resourceType: "CodeSystem", id: told.codeSystemId }),
  readMissing: () => client.read({ resourceType: "CodeSystem", id: "no-such-resource" }),
  vread: () => client.vread({ resourceType: "CodeSystem", id: told.codeSystemId, version: "1" }),
  history: () => client.history({ resourceType: "CodeSystem", id: told.codeSystemId }),
  search: () => client.search({ resourceType: "CodeSystem", searchParams: { url: told.cpt } }),
  searchByPost: () =>
    client.search({ resourceType: "ConceptMap", searchParams: { url: told.map }, options: { postSearch: true } }),
  searchNamingSystem: () => client.search({ resourceType: "NamingSystem", searchParams: { _count: 2 } }),
  nextPage: async () => {
    const bundle = await client.search({ resourceType: "ConceptMap", searchParams: { _count: 1 } });
    return client.nextPage({ bundle });
  },
  batch: () =>
    client.batch({
      body: {
        resourceType: "Bundle",
        type: "batch",
        entry: [
          entry(`CodeSystem/$lookup?system=${told.cpt}&code=57520`),
          entry(`CodeSystem/$lookup?system=${told.cpt}&code=57521`),
          entry(`ConceptMap/$translate?system=${told.local}&code=${loop}&targetsystem=${told.cpt}`),
        ],
      },
    }),
  metadata: () => client.capabilityStatement(),
  discovery: () => client.smartAuthMetadata(),
  wellKnown: () => client.request(".well-known/smart-configuration"),
  openid: () => client.request(".well-known/openid-configuration"),
  validateCode: () =>
    client.operation({
      name: "validate-code", resourceType: "ValueSet", method: "GET",
      input: { url: told.valueSet, system: told.cpt, code: "57520" },
    }),
  expand: () =>
    client.operation({ name: "expand", resourceType: "ValueSet", method: "GET", input: { url: told.valueSet } }),
  subsumes: () =>
    client.operation({
      name: "subsumes", resourceType: "CodeSystem",
      input: parameters(uri("system", told.local), code("codeA", loop), code("codeB", loop)),
    }),
  closure: () => client.operation({ name: "closure", input: parameters({ name: "name", valueString: "mine" }) }),
  create: () =>
    client.create({ resourceType: "CodeSystem", body: { resourceType: "CodeSystem", status: "draft", content: "complete" } }),
});

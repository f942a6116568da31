// fhirpath.js: %terminologies and memberOf(), with the model of the asked release.
import fhirpath from "fhirpath";
import r4 from "fhirpath/fhir-context/r4";
import r5 from "fhirpath/fhir-context/r5";
import { ask, told } from "./ask.mjs";

const model = told.release === "r5" ? r5 : r4;
const options = { async: "always", terminologyUrl: told.base };
const loop = "conization-loop-colposcopic";
const quoted = (text) => `'${text}'`;
const given = (query) => quoted(Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&"));
const [map, valueSet, cpt, local] = [told.map, told.valueSet, told.cpt, told.local].map(quoted);

// The expression is asked of a resource whose code has these codings, so that they are a real Coding, CodeableConcept.
const asked = (expression, ...coding) => async () => {
  const answer = await fhirpath.evaluate({ resourceType: "Basic", code: { coding } }, expression, {}, model, options);
  return answer.length > 1 ? answer : answer[0];
};
const cone = { system: told.cpt, code: "57520" };
const ofLoop = { system: told.local, code: loop };

await ask({
  lookupCoding: asked("%terminologies.lookup(Basic.code.coding)", cone),
  lookupConcept: asked("%terminologies.lookup(Basic.code)", cone),
  lookupCode: asked(`%terminologies.lookup('57520', ${given({ system: told.cpt })})`),
  lookupProperty: asked(
    `%terminologies.lookup('57520', ${given({ system: told.cpt, property: "seeAlso", displayLanguage: "en" })})`),
  lookupNotCarried: asked(`%terminologies.lookup('57521', ${given({ system: told.cpt })})`),
  translateCode: asked(`%terminologies.translate(${map}, '${loop}', ${given({ system: told.local })})`),
  translateScoped: asked(
    `%terminologies.translate(${map}, '${loop}', ${given({ system: told.local, targetsystem: told.cpt })})`),
  translateCoding: asked(`%terminologies.translate(${map}, Basic.code.coding)`, ofLoop),
  translateReverse: asked(`%terminologies.translate(${map}, Basic.code.coding, 'reverse=true')`, cone),
  validateCoding: asked(`%terminologies.validateVS(${valueSet}, Basic.code.coding)`, cone),
  validateConcept: asked(`%terminologies.validateVS(${valueSet}, Basic.code)`, cone, ofLoop),
  validateCode: asked(`%terminologies.validateVS(${valueSet}, '57520')`),
  validateSystem: asked(`%terminologies.validateCS(${cpt}, '57520')`),
  memberOf: asked(`Basic.code.coding.first().memberOf(${valueSet})`, cone),
  subsumes: asked(`%terminologies.subsumes(${local}, '${loop}', '${loop}')`),
  expand: asked(`%terminologies.expand(${valueSet}, 'filter=con&count=5')`),
});

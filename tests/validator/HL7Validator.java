import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.model.Bundle;
import org.hl7.fhir.r5.model.Resource;
import org.hl7.fhir.r5.terminologies.client.TerminologyClientContext;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.ByteProvider;
import org.hl7.fhir.utilities.FhirPublication;
import org.hl7.fhir.utilities.TimeTracker;
import org.hl7.fhir.utilities.http.ManagedWebAccess;
import org.hl7.fhir.utilities.json.model.JsonArray;
import org.hl7.fhir.utilities.json.model.JsonObject;
import org.hl7.fhir.utilities.json.parser.JsonParser;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.IgLoader;
import org.hl7.fhir.validation.ValidationEngine;
import org.hl7.fhir.validation.ValidationRecord;
import org.hl7.fhir.validation.instance.advisor.BasePolicyAdvisorForFullValidation;
import org.hl7.fhir.validation.service.StandAloneValidatorFetcher;
import org.hl7.fhir.validation.service.model.InstanceValidatorParameters;
import org.hl7.fhir.validation.special.TxTester;
import org.slf4j.LoggerFactory;

/**
 * The validator's main program, because its own command line is in no registry. run.py beside this file calls it:
 *
 * <pre>
 * HL7Validator validate VERSION CORE PACKAGE,PACKAGE TX REPORT FILE...
 * HL7Validator txtests FOLDER TX MODE,MODE FILTER OUTPUT
 * </pre>
 */
public final class HL7Validator {
  private HL7Validator() {}

  public static void main(String[] words) throws Exception {
    ((Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME)).setLevel(Level.INFO);
    ManagedWebAccess.setSsrfProtectionEnabled(false); // it refuses http and 127.0.0.1, where our server is
    List<String> given = new ArrayList<>(Arrays.asList(words));
    String task = given.remove(0);
    System.exit(task.equals("txtests") ? txTests(given) : validate(given));
  }

  private static int validate(List<String> given) throws Exception {
    String version = given.get(0);
    ValidationEngine engine = engine(version, given.get(1), given.get(2).split(","), given.get(3));
    Path report = Path.of(given.get(4));
    List<String> files = given.subList(5, given.size());
    for (String file : files) {
      makeKnown(engine, version, file);
    }
    engine.prepare();
    JsonArray findings = new JsonArray();
    for (String file : files) {
      for (ValidationMessage message : messages(engine, file)) {
        findings.add(finding(file, message));
      }
    }
    Files.writeString(report, JsonParser.compose(findings, true));
    return 0;
  }

  private static ValidationEngine engine(String version, String core, String[] packages, String tx) throws Exception {
    ValidationEngine engine =
        new ValidationEngine.ValidationEngineBuilder()
            .withVersion(version)
            .withTimeTracker(new TimeTracker())
            .withCanRunWithoutTerminologyServer(tx.equals("n/a"))
            .fromSource(core);
    for (String idAndVersion : packages) {
      engine.loadPackage(idAndVersion.split("#")[0], idAndVersion.split("#")[1]);
    }
    // As -authorise-non-conformant-tx-servers: a server need not say yet that it passes HL7's tests.
    TerminologyClientContext.setAllowNonConformantServers(true);
    // With "useEcosystem" it would ask HL7's registry of servers which one to use for each code system.
    engine.setTerminologyServer(tx.equals("n/a") ? null : tx, null, FhirPublication.fromCode(version), false);
    StandAloneValidatorFetcher fetcher =
        new StandAloneValidatorFetcher(engine.getPcm(), engine.getContext(), engine);
    fetcher.setReferencePolicy(ReferenceValidationPolicy.IGNORE);
    engine.setFetcher(fetcher);
    engine.getContext().setLocator(fetcher);
    engine.setPolicyAdvisor(fetcher);
    engine.getPolicyAdvisor()
        .setPolicyAdvisor(
            new BasePolicyAdvisorForFullValidation(ReferenceValidationPolicy.IGNORE, new LinkedHashSet<>()));
    return engine;
  }

  /** Lets resources refer to what is in this file: its one resource, or all of its Bundle. */
  private static void makeKnown(ValidationEngine engine, String version, String file) throws IOException {
    IgLoader loader = engine.getIgLoader();
    Resource resource;
    try {
      resource = loader.loadResourceByVersion(version, Files.readAllBytes(Path.of(file)), file);
    } catch (Exception unreadable) {
      return; // validating it will say why
    }
    List<Resource> resources = new ArrayList<>(List.of(resource));
    if (resource instanceof Bundle bundle) {
      bundle.getEntry().forEach(entry -> resources.add(entry.getResource()));
    }
    for (Resource each : resources) {
      engine.getContext().cacheResource(each);
    }
  }

  private static List<ValidationMessage> messages(ValidationEngine engine, String file) throws Exception {
    InstanceValidatorParameters parameters = new InstanceValidatorParameters();
    parameters.setAllowExampleUrls(true); // the canonical base is an example domain until the project owns one
    List<ValidationRecord> records = new ArrayList<>();
    engine.validate(file, ByteProvider.forBytes(Files.readAllBytes(Path.of(file))), FhirFormat.JSON, parameters, records);
    List<ValidationMessage> found = new ArrayList<>();
    records.forEach(record -> found.addAll(record.getMessages()));
    return found;
  }

  private static JsonObject finding(String file, ValidationMessage message) {
    JsonObject finding = new JsonObject();
    finding.add("file", Path.of(file).getFileName().toString());
    finding.add("level", message.getLevel().toCode());
    finding.add("location", message.getLocation() == null ? "" : message.getLocation());
    finding.add("message", message.getMessage());
    return finding;
  }

  private static int txTests(List<String> given) throws Exception {
    Set<String> modes = new LinkedHashSet<>(Arrays.asList(given.get(2).split(",")));
    String filter = given.get(3).isEmpty() ? null : given.get(3);
    TxTester tester = new TxTester(new TxTester.InternalTxLoader(given.get(0)), given.get(1), false, null, null);
    return tester.setOutput(given.get(4)).execute(modes, filter) ? 0 : 1;
  }
}

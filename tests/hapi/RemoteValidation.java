import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import org.hl7.fhir.common.hapi.validation.support.RemoteTerminologyServiceValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Validates R4 resources with HAPI; every code is judged by a terminology server. Prints a line for each message:
 * file, severity, location and text, between tabs.
 *
 *     java RemoteValidation http://127.0.0.1:8080/fhir/r4 condition.json procedure.json
 */
public class RemoteValidation {
  public static void main(String[] arguments) throws Exception {
    FhirContext context = FhirContext.forR4();
    ValidationSupportChain support = new ValidationSupportChain(
        new RemoteTerminologyServiceValidationSupport(context, arguments[0]),
        new DefaultProfileValidationSupport(context));
    FhirInstanceValidator instances = new FhirInstanceValidator(support);
    FhirValidator validator = context.newValidator().registerValidatorModule(instances);
    for (int at = 1; at < arguments.length; at++) {
      Path file = Path.of(arguments[at]);
      for (SingleValidationMessage found : validator.validateWithResult(Files.readString(file)).getMessages()) {
        System.out.printf("%s\t%s\t%s\t%s%n", file.getFileName(), found.getSeverity().getCode(),
            found.getLocationString(), found.getMessage().replaceAll("\\s+", " "));
      }
    }
  }
}

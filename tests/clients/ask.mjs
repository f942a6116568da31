// What the client scripts share: what they are told (one JSON argument), and the one JSON object they print.

export const told = JSON.parse(process.argv[2]);

// The HTTP status and the body, where the client keeps them in the error it throws.
function failure(error) {
  const body = error?.outcome ?? error?.response?.data ?? error?.body ?? error?.data;
  return { error: String(error?.message ?? error), status: error?.statusCode ?? error?.status ?? error?.response?.status, body };
}

// Puts each question in turn and prints { name: { answer } } or { name: { error, status, body } }.
export async function ask(questions) {
  const answers = {};
  for (const [name, question] of Object.entries(questions)) {
    try {
      answers[name] = { answer: (await question()) ?? null };
    } catch (error) {
      answers[name] = failure(error);
    }
  }
  process.stdout.write(JSON.stringify(answers), () => process.exit(0));
}


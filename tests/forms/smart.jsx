import React from "react";
import { createRoot } from "react-dom/client";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { SmartFormsRenderer, getResponse } from "@aehrc/smart-forms-renderer";

const server = new URLSearchParams(location.search).get("server");

const questionnaire = await (await fetch("/questionnaire.json")).json();
window.answers = () => getResponse();
createRoot(document.getElementById("form")).render(
  <QueryClientProvider client={new QueryClient()}>
    <SmartFormsRenderer questionnaire={questionnaire} terminologyServerUrl={server} />
  </QueryClientProvider>,
);
document.body.dataset.ready = "yes";

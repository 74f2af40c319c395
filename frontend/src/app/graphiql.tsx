import "graphiql/graphiql.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";

// A developers' page, served only in debug; it uses the sign-in of the pages in the same browser.
function authorization(): Record<string, string> {
  const session = JSON.parse(localStorage.getItem("yinong.session") ?? "null") as { token: string } | null;
  return session ? { Authorization: `Bearer ${session.token}` } : {};
}

const fetcher = createGraphiQLFetcher({ url: "/graphql", headers: authorization() });
const holder = document.getElementById("graphiql");
if (!holder) throw new Error("#graphiql is missing from the page");
createRoot(holder).render(<GraphiQL fetcher={fetcher} />);

// A page with the chat of the widget's settings. Types two questions as a visitor would, the second when the first is answered.
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.jsx";

const questions = ["When does the zoo open?", "What does a ticket cost?"];
createRoot(document.getElementById("root")).render(<Chat />);

const type = (text) => {
  const input = document.querySelector("input");
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  // After React has seen what was typed.
  setTimeout(() => document.querySelector("form").requestSubmit(), 0);
};

const answers = () => [...document.querySelectorAll("p")].map((p) => p.textContent).filter((text) => text.includes("[1]"));
let asked = 0;
const timer = setInterval(() => {
  if (!document.querySelector("input") || answers().length < asked) return;
  if (asked === questions.length) {
    clearInterval(timer);
    document.body.append(Object.assign(document.createElement("output"), { textContent: "answered" }));
    fetch("/answered");
    return;
  }
  type(questions[asked]);
  asked += 1;
}, 50);

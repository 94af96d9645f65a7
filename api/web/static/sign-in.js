import { post } from "./api.js";
import { find, say } from "./dom.js";

const form = find("#sign-in");
const password = find("#password");
const button = find("button[type=submit]", form);

button.disabled = false;

find("#show-password").addEventListener("change", (event) => {
  password.type = event.target.checked ? "text" : "password";
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  say(find("#error"), "");
  button.disabled = true;
  try {
    await post("/api/v1/sessions", {
      name: find("#name").value.trim(),
      one_time_password: password.value.trim(),
    });
    const target = new URL(form.dataset.next, location.origin);
    location.assign(target.origin === location.origin ? target : "/");
  } catch (error) {
    say(find("#error"), error.sentence[0].toUpperCase() + error.sentence.slice(1));
    button.disabled = false;
    password.select();
  }
});

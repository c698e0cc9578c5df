// A link's code is used at once by a person's browser; a chat that only previews links runs no script.
const form = document.getElementById("enter");
if (form?.dataset.go) form.submit();

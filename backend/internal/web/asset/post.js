// Sends the answer of response_mode=form_post on its way. The page has a button for those
// who run no script.
document.forms[0].requestSubmit();

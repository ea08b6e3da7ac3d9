package dbtest

// TemplateName lets the tests look at the template.
var TemplateName = templateName

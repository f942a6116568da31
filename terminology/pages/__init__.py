"""Pages: what a browser shows at the addresses of FHIR.

A page asks FHIR requests of its own (``road.Road``), as the user who opened it, and shows their answers. So it can show
nothing that the same user would not get as JSON: rights, licences and budgets hold as ever. Nothing here knows HTTP;
``http/app.py`` asks ``site.page`` where ``http/media.py`` says that a client wants a page.
"""

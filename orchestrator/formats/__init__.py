"""How Django itself writes dates, in the admin above all: as on our pages. A folder a language."""

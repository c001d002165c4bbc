"""Words that hide images from visitors: names of people and of vehicles."""

_PEOPLE = (
    "persons?|people|humans?|homo|m[ae]n|child|children|kids?|boys?|girls?|bab(?:y|ies)|toddlers?|"
    "faces?|pedestrians?|hunters?|hikers?|poachers?|rangers?|riders?|staff|crowds?|bikers?|"
    "joggers?|skiers?|campers?|visitors?|tourists?|farmers?|workers?|soldiers?|students?|"
    "researchers?|drivers?|trespassers?|intruders?|villagers?|loggers?|police|"
    # Names of animals can also end in -man and -men (caiman, German shepherd), so the beginnings
    # are listed.
    "(?:police|fisher|fire|horse|herds|hunts|huss|sports|crafts|wood|post|country|boat|camera|"
    "sales|business|snow|lady|gentle|milk|country|work|guards|noble|foot|cattle|stock|live)m[ae]n|"
    "[[:alpha:]]*wom[ae]n|[[:alpha:]]*cyclists?|"
    # French, Spanish, Portuguese, Italian
    "personnes?|gens|hommes?|femmes?|enfants?|filles?|gar[cç]ons?|humaine?s?|chasseurs?|"
    "randonneu(?:rs?|ses?)|personas?|hombres?|mujer(?:es)?|ni[nñÑ][oa]s?|humanos?|cazador(?:es)?|"
    "pessoas?|home(?:m|ns)|mulher(?:es)?|crian[cç]as?|persone|uom(?:o|ini)|donn[ae]|bambin[oaie]|"
    "umano|"
    # German, Dutch, the Nordic languages, Polish, Russian
    "mensch(?:en)?|m[aä]nn(?:er)?|frau(?:en)?|kind(?:er)?|personen|jäger(?:in|innen)?|"
    "[[:alpha:]]*fahrer(?:in|innen)?|reiter(?:in|innen)?|wanderer|wanderin|spaziergänger(?:in|"
    "innen)?|mens(?:en)?|vrouw(?:en)?|kinderen|personer?|m[aä]nnisk(?:a|or)|menneske[r]?|"
    "ihmi(?:nen|set)|człowiek|ludzie|osoba|человек|люди|人"
)
# Vehicles contain people, and their plates identify people. The boat-billed heron and other birds
# named after boats are not vehicles.
_VEHICLES = (
    "vehicles?|cars?|trucks?|lorr(?:y|ies)|pick-?ups?|suvs?|jeeps?|vans?|bus|buses|trailers?|"
    "motorcycles?|motorbikes?|scooters?|mopeds?|bicycles?|bikes?|tractors?|quads?|atvs?|utvs?|"
    "snowmobiles?|boats?(?![^[:alpha:]]?bill)|canoes?|kayaks?|trains?|helicopters?|plates?|"
    "v[eé]hicules?|voitures?|camions?|v[eé]los?|tracteurs?|bateaux?|veh[ií]culos?|coches?|carros?|"
    "cami[oó]n(?:es)?|bicicletas?|motos?|motocicletas?|tractor(?:es)?|barcos?|ve[ií]culos?|"
    "carr(?:inha|o)s?|caminh[aã]o|veicol[oi]|macchin[ae]|[[:alpha:]]*fahrzeuge?|pkws?|lkws?|"
    "traktor(?:en)?|fahrr[aä]d(?:er)?|motorr[aä]d(?:er)?|voertuig(?:en)?|fiets(?:en)?|kjøretøy|"
    "fordon|ajoneuvo|pojazd|samochód|автомобиль|машина"
)
_NAMED = rf"(^|[^[:alpha:]])({_PEOPLE}|{_VEHICLES})($|[^[:alpha:]])"

NAMES_PEOPLE = rf"{_NAMED}|^(adults?|autos?)$"
"""A POSIX pattern, without case, of class names that contain a word for people or vehicles.

"Adult" alone is a person; "adult red deer" and a tag "adult" give the age of an animal.
"""

KEPT_BACK = rf"{_NAMED}|^(private|withheld)$"
"""The same pattern for tags, with the tags `private` and `withheld`."""

PEOPLE, VEHICLES = (rf"(^|[^[:alpha:]])({words})($|[^[:alpha:]])" for words in (_PEOPLE, _VEHICLES))
"""Separate patterns of class names for people and for vehicles."""

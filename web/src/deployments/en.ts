/** The words of a deployment's form, loaded with it: a part of the English catalogue. */

export const deploymentTexts = {
  zoneHint: "The zone of the camera's clock.",
  zoneFound: (here: string) => `Empty: the zone of the coordinates; without coordinates ${here}.`,
  uncertainty: "Coordinate uncertainty, metres", started: "Start", ended: "End", inZone: (zone: string) => `Time in ${zone}.`,
  badUncertainty: "A number of metres, 0 or more.",
  missing: (given: string) => `Missing: enter it as well, or clear the ${given.toLowerCase()}.`,
  reversed: "The end is before the start.",
}

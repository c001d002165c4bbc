/** Whether the capture time of an image is known. */
import type { Image } from "../api/types"

/** The flag of images whose time is that of their file, or of its arrival. */
const NO_CAMERA_TIME = "no_camera_time"

export const hasCameraTime = (image: Image): boolean => !image.flags.includes(NO_CAMERA_TIME)

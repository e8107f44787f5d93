/* soft: a program that is built without any protection, for hardening.py to find none in. */
int main(void)
{
    return 0;
}
